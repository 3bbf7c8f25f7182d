import application from '#application';
import { findTampering } from '../adapters/aws/stream/tampering.ts';
import { LogWriter } from '../core/log/writer.ts';
import { Relay } from '../core/publishing/relay.ts';
import { observedDelivery } from '../core/telemetry/telemetry.ts';
import { streamHandler } from './runtime/handlers.ts';
import { createPublication } from './runtime/publication.ts';
import { logger, metrics, readEnvironment, telemetry } from './runtime/stage.ts';
import { claimsIn, commitsIn, logPlaces, storedViewsIn } from './runtime/stores.ts';

const { catalogue } = application;

const { EVENTS_TABLE, LOG_TABLE, EVENT_BUS, VIEWS_TABLE, OBJECTS_BUCKET } = readEnvironment('relay');
const relay = new Relay({
  log: new LogWriter({ ...logPlaces(LOG_TABLE, OBJECTS_BUCKET), commits: commitsIn(EVENTS_TABLE) }),
  publication: createPublication(EVENT_BUS, storedViewsIn(VIEWS_TABLE)),
});

/** Counts and logs changes and removals of commits; an alarm watches the count. */
function reportTampering(event: unknown): void {
  for (const tampering of findTampering(event)) {
    metrics.count('tampering_total', {});
    logger.error('a stored commit was tampered with', { ...tampering });
  }
}

/** Appends new commits to the log and publishes them on the bus, in their order. */
export const handler = streamHandler(
  observedDelivery('relay', (commits) => relay.relay(commits), { ...telemetry, catalogue }),
  claimsIn(OBJECTS_BUCKET),
  reportTampering,
);

import { findTampering } from '../adapters/aws/stream/tampering.ts';
import { LogWriter } from '../core/log/writer.ts';
import { Relay } from '../core/publishing/relay.ts';
import { observedDelivery } from '../core/telemetry/telemetry.ts';
import { catalogue } from '../events/catalogue.ts';
import { streamHandler } from './runtime/handlers.ts';
import { publicationTo } from './runtime/publication.ts';
import { environmentOf, logger, metrics, telemetry } from './runtime/stage.ts';
import { claimsIn, commitsIn, logPlaces, storedViewsIn } from './runtime/stores.ts';

const { EVENTS_TABLE, LOG_TABLE, EVENT_BUS, VIEWS_TABLE, OBJECTS_BUCKET } = environmentOf('relay');
const relay = new Relay({
  log: new LogWriter({ ...logPlaces(LOG_TABLE, OBJECTS_BUCKET), commits: commitsIn(EVENTS_TABLE) }),
  publication: publicationTo(EVENT_BUS, storedViewsIn(VIEWS_TABLE)),
});

/** Raises the alarm when somebody changed or removed commits. */
function reportTampering(event: unknown): void {
  for (const tampering of findTampering(event)) {
    metrics.count('tampering_total', {});
    logger.error('a stored commit was tampered with', { ...tampering });
  }
}

/** Takes new commits into the log and to the bus, in their order. */
export const handler = streamHandler(
  observedDelivery('relay', (commits) => relay.relay(commits), { ...telemetry, catalogue }),
  claimsIn(OBJECTS_BUCKET),
  reportTampering,
);

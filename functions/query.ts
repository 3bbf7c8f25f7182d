import application from '#application';
import { type QueryDeps, queryRoutes } from '../api/queries.ts';
import { EventLog } from '../core/log/log.ts';
import { PastFolds } from '../core/projections/past-folds.ts';
import { DeadLetters } from '../core/publishing/dead-letters.ts';
import { StateReader } from '../core/state/state-reader.ts';
import { checkHealth, withDamage } from '../core/telemetry/health.ts';
import manifest from '../package.json' with { type: 'json' };
import { appDeps, httpHandler } from './runtime/handlers.ts';
import { healthChecks } from './runtime/health.ts';
import { damage, readEnvironment } from './runtime/stage.ts';
import {
  eventStore,
  generationsIn,
  PAST_BYTES,
  readableLog,
  sharedViewsIn,
  snapshotsIn,
  viewsIn,
} from './runtime/stores.ts';

const { projections } = application;

const environment = readEnvironment('query');
const { EVENTS_TABLE, VIEWS_TABLE, CONTROL_TABLE, LOG_TABLE, OBJECTS_BUCKET } = environment;
const store = eventStore(EVENTS_TABLE, OBJECTS_BUCKET);
const views = viewsIn(VIEWS_TABLE, OBJECTS_BUCKET);
const generations = generationsIn(CONTROL_TABLE);
const histories = { store, snapshots: snapshotsIn(OBJECTS_BUCKET) };
const log = new EventLog(readableLog(EVENTS_TABLE, LOG_TABLE, OBJECTS_BUCKET));
const live = (projection: string) => generations.live(projection);

const deps: QueryDeps = {
  ...appDeps,
  store,
  log,
  past: new PastFolds({ log, histories, views, maxBytes: PAST_BYTES }),
  states: new StateReader(histories),
  views,
  generations,
  sharedViews: sharedViewsIn(VIEWS_TABLE, OBJECTS_BUCKET),
  projections,
  deadLetters: new DeadLetters({ projections, store, views, live }),
  projectionStatus: async () =>
    Promise.all(
      projections.map(async ({ name }) => {
        const generation = await live(name);
        return { name, generation, lag: null, deadLetters: await views.countParked(name, generation) };
      }),
    ),
  health: async () => ({
    ...withDamage(await checkHealth(healthChecks(environment)), damage.reasons()),
    version: manifest.version,
  }),
};

/** Answers requests that read: views, streams, the log, the service's health and description. */
export const handler = httpHandler(queryRoutes(application), deps);

import application from '#application';
import { commandRoutes } from '../api/commands.ts';
import { compileLater } from '../core/schemas/compile-later.ts';
import { DEFAULT_CACHE_BYTES } from '../core/state/state-cache.ts';
import { StateReader } from '../core/state/state-reader.ts';
import { appDeps, httpHandler } from './runtime/handlers.ts';
import { metrics, readEnvironment, tracer } from './runtime/stage.ts';
import { eventStore, snapshotsIn } from './runtime/stores.ts';

const { EVENTS_TABLE, OBJECTS_BUCKET } = readEnvironment('command');
const store = eventStore(EVENTS_TABLE, OBJECTS_BUCKET, compileLater);
const snapshots = snapshotsIn(OBJECTS_BUCKET);
const states = new StateReader({ store, snapshots, cacheBytes: DEFAULT_CACHE_BYTES, metrics });

/** Answers requests that write: decides on the history of a stream and appends to it. */
export const handler = httpHandler(commandRoutes(application), {
  ...appDeps,
  store,
  states,
  aggregates: application.aggregates,
  trace: () => tracer.header,
});

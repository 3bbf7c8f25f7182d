import { busHandler } from './runtime/handlers.ts';
import { sagaCallbacks } from './runtime/sagas.ts';
import { readEnvironment } from './runtime/stage.ts';
import { eventStore } from './runtime/stores.ts';

const environment = readEnvironment('saga-events');
const store = eventStore(environment.EVENTS_TABLE, environment.OBJECTS_BUCKET);
const sagas = sagaCallbacks(environment, store);

/** Starts sagas, and passes answers on to the state machines that wait for them. */
export const handler = busHandler((event) => sagas.event(event), store);

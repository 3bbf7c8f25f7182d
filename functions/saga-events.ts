import { busHandler } from './runtime/handlers.ts';
import { sagaCallbacks } from './runtime/sagas.ts';
import { environmentOf } from './runtime/stage.ts';
import { eventStore } from './runtime/stores.ts';

const environment = environmentOf('saga-events');
const store = eventStore(environment.EVENTS_TABLE, environment.OBJECTS_BUCKET);
const sagas = sagaCallbacks(environment, store);

/** Starts sagas, and carries answers to the state machines that wait for them. */
export const handler = busHandler((event) => sagas.event(event), store);

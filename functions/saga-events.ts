import { busHandler } from './runtime/handlers.ts';
import { sagaCallbacks } from './runtime/sagas.ts';
import { environmentOf } from './runtime/stage.ts';

const sagas = sagaCallbacks(environmentOf('saga-events'));

/** Starts sagas, and carries answers to the state machines that wait for them. */
export const handler = busHandler((event) => sagas.event(event));

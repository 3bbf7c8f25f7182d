import { busHandler, createSagaCallbacks } from './runtime.ts';

const sagas = createSagaCallbacks('saga-events');

/** Starts sagas, and carries answers to the state machines that wait for them. */
export const handler = busHandler((event) => sagas.event(event));

import { answerMachine } from '../core/sagas/step-functions/requests.ts';
import { createSagaCallbacks } from './runtime.ts';

const sagas = createSagaCallbacks('saga-task');

/** Does one thing for the state machine of a saga. */
export const handler = (event: unknown): Promise<unknown> => answerMachine(sagas, event);

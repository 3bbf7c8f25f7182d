import { answerMachine, machineRequest } from '../core/sagas/step-functions/requests.ts';
import { taskHandler } from './runtime/handlers.ts';
import { sagaCallbacks } from './runtime/sagas.ts';
import { environmentOf } from './runtime/stage.ts';

const sagas = sagaCallbacks(environmentOf('saga-task'));

/** Does one task for the state machine of a saga. */
export const handler = taskHandler(machineRequest, (asked) => answerMachine(sagas, asked));

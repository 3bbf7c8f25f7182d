import { answerMachine, machineRequest } from '../core/sagas/step-functions/requests.ts';
import { machineHandler } from './runtime/handlers.ts';
import { sagaCallbacks } from './runtime/sagas.ts';
import { environmentOf } from './runtime/stage.ts';
import { eventStore } from './runtime/stores.ts';

const environment = environmentOf('saga-task');
const store = eventStore(environment.EVENTS_TABLE, environment.OBJECTS_BUCKET);
const sagas = sagaCallbacks(environment, store);

/** Does one task for the state machine of a saga. */
export const handler = machineHandler(machineRequest, (asked) => answerMachine(sagas, asked));

import { answerMachine, machineRequest } from '../core/sagas/step-functions/requests.ts';
import { machineHandler } from './runtime/handlers.ts';
import { sagaCallbacks } from './runtime/sagas.ts';
import { readEnvironment } from './runtime/stage.ts';
import { eventStore } from './runtime/stores.ts';

const environment = readEnvironment('saga-task');
const store = eventStore(environment.EVENTS_TABLE, environment.OBJECTS_BUCKET);
const sagas = sagaCallbacks(environment, store);

/** Does a task for the state machine of a saga. */
export const handler = machineHandler(machineRequest, (request) => answerMachine(sagas, request));

import { dynamoDb, stepFunctions } from '../../adapters/aws/clients/clients.ts';
import { DynamoSagaTasks } from '../../adapters/aws/dynamodb/saga-tasks.ts';
import { StepFunctionsMachines } from '../../adapters/aws/step-functions/machines.ts';
import { SagaExecution } from '../../core/sagas/execution.ts';
import { SagaCallbacks } from '../../core/sagas/step-functions/callbacks.ts';
import { sagas } from '../../domain/sagas.ts';
import type { Environment } from '../environment.ts';
import { eventStore } from './stores.ts';

/** Answers the state machines of sagas, and brings them events. */
export function sagaCallbacks(environment: Environment<'saga-events' | 'saga-task'>): SagaCallbacks {
  const { EVENTS_TABLE, OBJECTS_BUCKET, SAGA_TASKS_TABLE, SAGA_MACHINE_ARN_PREFIX } = environment;
  return new SagaCallbacks({
    execution: new SagaExecution({ sagas, store: eventStore(EVENTS_TABLE, OBJECTS_BUCKET) }),
    tasks: new DynamoSagaTasks(dynamoDb(), SAGA_TASKS_TABLE),
    machines: new StepFunctionsMachines(stepFunctions(), SAGA_MACHINE_ARN_PREFIX),
  });
}

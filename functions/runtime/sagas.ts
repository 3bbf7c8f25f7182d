import { dynamoDb, stepFunctions } from '../../adapters/aws/clients/clients.ts';
import { DynamoSagaTokens } from '../../adapters/aws/dynamodb/saga-tokens.ts';
import { StepFunctionsMachines } from '../../adapters/aws/step-functions/machines.ts';
import { SagaExecution } from '../../core/sagas/execution.ts';
import { SagaCallbacks } from '../../core/sagas/step-functions/callbacks.ts';
import type { EventStore } from '../../core/store/event-store.ts';
import { sagas } from '../../domain/sagas.ts';
import type { Environment } from '../environment.ts';

/** Answers the state machines of sagas, and brings them events. */
export function sagaCallbacks(
  { SAGA_TASKS_TABLE, SAGA_MACHINE_ARN_PREFIX }: Environment<'saga-events' | 'saga-task'>,
  store: EventStore,
): SagaCallbacks {
  return new SagaCallbacks({
    execution: new SagaExecution({ sagas, store }),
    tokens: new DynamoSagaTokens(dynamoDb(), SAGA_TASKS_TABLE),
    machines: new StepFunctionsMachines(stepFunctions(), SAGA_MACHINE_ARN_PREFIX),
  });
}

import application from '#application';
import { dynamoDb, stepFunctions } from '../../adapters/aws/clients/clients.ts';
import { DynamoSagaTokens } from '../../adapters/aws/dynamodb/saga-tokens.ts';
import { StepFunctionsMachines } from '../../adapters/aws/step-functions/machines.ts';
import { SagaExecution } from '../../core/sagas/execution.ts';
import { SagaCallbacks } from '../../core/sagas/step-functions/callbacks.ts';
import type { EventStore } from '../../core/store/event-store.ts';
import type { Environment } from '../environment.ts';

const { sagas } = application;

/** Creates the callbacks of sagas: answers for their state machines, and the delivery of events to them. */
export function sagaCallbacks(
  { SAGA_TOKENS_TABLE, SAGA_MACHINE_ARN_PREFIX }: Environment<'saga-events' | 'saga-task'>,
  store: EventStore,
): SagaCallbacks {
  return new SagaCallbacks({
    execution: new SagaExecution({ sagas, store }),
    tokens: new DynamoSagaTokens(dynamoDb(), SAGA_TOKENS_TABLE),
    machines: new StepFunctionsMachines(stepFunctions(), SAGA_MACHINE_ARN_PREFIX),
  });
}

import { Aws, RemovalPolicy, Stack } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import {
  CustomerManagedEncryptionConfiguration,
  DefinitionBody,
  LogLevel,
  StateMachine,
  StateMachineType,
} from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { acknowledge } from '../shared/acknowledge.ts';
import type { AlarmPlace } from '../shared/alarms.ts';
import { MachineLog } from '../shared/machine-log.ts';
import type { SagaOutline } from '../shared/outline.ts';
import { alarmFailures } from '../shared/state-machine-alarms.ts';
import { compileSaga } from './saga-machine.ts';

/** The saga, function and key of {@link SagaStateMachine}. */
export interface SagaStateMachineProps extends AlarmPlace {
  readonly saga: SagaOutline;
  readonly name: string;
  /** The function that does the tasks of the machine. */
  readonly task: IFunction;
  /** The key that encrypts the definition and the history of executions. */
  readonly key: IKey;
}

/** The state machine that runs the sagas of a declaration. It is traced, logged without data, and raises an alarm when it fails. */
export class SagaStateMachine extends Construct {
  constructor(scope: Construct, id: string, { saga, name, task, key, ...place }: SagaStateMachineProps) {
    super(scope, id);
    const { config } = place;
    const log = new MachineLog(this, 'Log', { config, machine: name });
    const definition = compileSaga(saga, { taskFunction: task.functionArn, partition: Aws.PARTITION });
    const machine = new StateMachine(this, 'Machine', {
      stateMachineName: name,
      comment: saga.description,
      stateMachineType: StateMachineType.STANDARD,
      definitionBody: DefinitionBody.fromString(Stack.of(this).toJsonString(definition)),
      encryptionConfiguration: new CustomerManagedEncryptionConfiguration(key),
      tracingEnabled: true,
      // Every transition, but no data: the input of a task holds its token, and agents' words do not belong in a log.
      logs: { destination: log, level: LogLevel.ALL, includeExecutionData: false },
      // The history has all of its state, and the next deployment needs its name.
      removalPolicy: RemovalPolicy.DESTROY,
    });
    task.grantInvoke(machine);
    acknowledgeWildcards(machine, task);
    alarmFailures(machine, place, { name: 'SagaMachineFailures', subject: saga.name });
  }
}

function acknowledgeWildcards(machine: StateMachine, task: IFunction): void {
  acknowledge(
    machine.role,
    'AwsSolutions-IAM5[Resource::*]',
    'X-Ray (PutTraceSegments and the sampling calls) and the delivery of vended logs (logs:CreateLogDelivery and its kind) have no resource type in IAM, so * is the only resource they can be granted on. They write traces and set up this log; no other statement of the role names *.',
  );
  acknowledge(
    machine.role,
    `AwsSolutions-IAM5[Resource::<${Stack.of(task).getLogicalId(task.node.defaultChild as never)}.Arn>:*]`,
    'Versions and aliases of the one function that the machine calls, as Step Functions asks for; it is granted to invoke that function and nothing else.',
  );
}

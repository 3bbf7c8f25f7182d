import { Duration, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import * as sfn from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type { Data } from '../data/data.ts';
import { replayEvents } from '../data/permissions.ts';
import { acknowledge, textInFinding } from '../shared/acknowledge.ts';
import type { AlarmPlace } from '../shared/alarms.ts';
import { nameOf } from '../shared/config.ts';
import { MachineLog } from '../shared/machine-log.ts';
import { type FunctionCode, ServiceFunction } from '../shared/service-function.ts';
import { alarmFailures } from '../shared/state-machine-alarms.ts';
import { RANGES, replayMachine } from './replay-machine.ts';

/** The data and code that {@link Replays} needs. */
export interface ReplaysProps extends AlarmPlace {
  readonly data: Data;
  readonly code: FunctionCode;
}

/** Most ranges of the log that are read at once. An idle table on demand would throttle more of them. */
const CONCURRENCY = 10;

/** Rebuilds and replays: a state machine, and the function that does its steps. */
export class Replays extends Construct {
  readonly machine: sfn.StateMachine;

  constructor(scope: Construct, id: string, props: ReplaysProps) {
    super(scope, id);
    const { config, alarmTopic, data, code } = props;
    const worker = new ServiceFunction(this, 'Replay', {
      ...{ config, alarmTopic },
      isRare: true,
      code,
      name: 'replay',
      description: 'Annals: does a step of a replay into a new generation',
      environment: {
        ...data.tableNames,
        OBJECTS_BUCKET: data.objects.bucketName,
      },
      permissions: replayEvents(data),
      timeout: Duration.minutes(15),
      memoryMegabytes: 1024,
    });
    data.objects.acknowledgeUse(worker, 'large-events', 'large-views', 'log');
    this.machine = replayStateMachine(this, config, { worker, key: data.viewsKey });
    alarmFailures(this.machine, props, { name: 'ReplayFailures' });
  }
}

function replayStateMachine(
  scope: Construct,
  config: AlarmPlace['config'],
  { worker, key }: { worker: ServiceFunction<'replay'>; key: IKey },
): sfn.StateMachine {
  const stateMachineName = `${nameOf(config)}-replay`;
  const { account, region, partition } = Stack.of(scope);
  const arn = (kind: string, rest: string) => `arn:${partition}:states:${region}:${account}:${kind}:${rest}`;
  const role = new iam.Role(scope, 'MachineRole', { assumedBy: new iam.ServicePrincipal('states.amazonaws.com') });
  role.addToPolicy(new iam.PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [worker.functionArn] }));
  // A distributed map starts an execution of its own state machine for each range.
  const machineArn = arn('stateMachine', stateMachineName);
  role.addToPolicy(new iam.PolicyStatement({ actions: ['states:StartExecution'], resources: [machineArn] }));
  const children = arn('execution', `${stateMachineName}/*`);
  role.addToPolicy(
    new iam.PolicyStatement({ actions: ['states:DescribeExecution', 'states:StopExecution'], resources: [children] }),
  );
  // For the executions that the map starts, the encryption context has the ARN with the label of the map.
  role.addToPolicy(
    new iam.PolicyStatement({
      actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
      resources: [key.keyArn],
      conditions: { StringEquals: { 'kms:EncryptionContext:aws:states:stateMachineArn': `${machineArn}/${RANGES}` } },
    }),
  );
  const machine = new sfn.StateMachine(scope, 'Machine', {
    stateMachineName,
    comment: 'Annals: replays events into a new generation of a projection',
    role,
    definitionBody: sfn.DefinitionBody.fromString(JSON.stringify(replayMachine(worker.functionArn, CONCURRENCY))),
    encryptionConfiguration: new sfn.CustomerManagedEncryptionConfiguration(key),
    tracingEnabled: true,
    logs: {
      destination: new MachineLog(scope, 'MachineLog', { config, machine: stateMachineName }),
      level: sfn.LogLevel.ALL,
      includeExecutionData: false,
    },
  });
  acknowledge(
    role,
    'AwsSolutions-IAM5[Resource::*]',
    'The actions of log delivery (logs:CreateLogDelivery and its kind) and of X-Ray have no resource types in IAM, so * is the only resource they can be granted on. They set up this machine’s own log and write traces; no other statement of this role names *.',
  );
  acknowledge(
    role,
    `AwsSolutions-IAM5[Resource::${textInFinding(scope, children)}]`,
    'A distributed map describes and stops the executions that it starts for its items, whose names Step Functions makes up. The pattern holds executions of this one state machine and of nothing else.',
  );
  return machine;
}

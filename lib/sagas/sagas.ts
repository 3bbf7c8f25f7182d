import { ArnFormat, CfnOutput, Duration, Stack } from 'aws-cdk-lib';
import { AttributeType, Table } from 'aws-cdk-lib/aws-dynamodb';
import { type IEventBus, Match, Rule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { SqsDestination } from 'aws-cdk-lib/aws-lambda-destinations';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { Data } from '../data/data.ts';
import { answerMachines, appendEvents, keepSagaTokens, startMachines } from '../data/permissions.ts';
import { type AlarmPlace, addAlarm } from '../shared/alarms.ts';
import { nameOf } from '../shared/config.ts';
import { DeadLetterQueue } from '../shared/dead-letter-queue.ts';
import type { SagaOutline } from '../shared/outline.ts';
import { alarmLostEvents } from '../shared/rule-alarm.ts';
import { type FunctionCode, ServiceFunction } from '../shared/service-function.ts';
import { tableSettings } from '../shared/table-settings.ts';
import { throttleRule } from '../shared/table-throttles.ts';
import { waitingQueue } from '../shared/waiting-queue.ts';
import { SagaStateMachine } from './saga-state-machine.ts';

/** The data, bus, code and sagas that {@link Sagas} needs. */
export interface SagasProps extends AlarmPlace {
  readonly data: Data;
  readonly bus: IEventBus;
  readonly sagas: readonly SagaOutline[];
  readonly code: FunctionCode;
}

/** Sagas: a state machine for each, a function that does their tasks, and a function that brings them events from the bus. */
export class Sagas extends Construct {
  /** The table of the tokens of outstanding answers. */
  readonly tokens: Table;

  constructor(scope: Construct, id: string, props: SagasProps) {
    super(scope, id);
    const { config, alarmTopic, data, sagas, code } = props;
    const tokens = tokensTable(this, props);
    this.tokens = tokens;
    addAlarm(this, 'TableThrottles', props, throttleRule('saga-tasks', tokens));
    const prefix = `${nameOf(config)}-saga-`;
    // By name, not by reference: the machines depend on the function, so the function cannot depend on them.
    const machineArn = (saga: string) =>
      Stack.of(this).formatArn({
        service: 'states',
        resource: 'stateMachine',
        resourceName: `${prefix}${saga}`,
        arnFormat: ArnFormat.COLON_RESOURCE_NAME,
      });
    const arns = sagas.map(({ name }) => machineArn(name));
    const common = {
      ...{ config, alarmTopic },
      code,
      timeout: Duration.seconds(60),
      memoryMegabytes: 512,
      environment: {
        EVENTS_TABLE: data.events.tableName,
        OBJECTS_BUCKET: data.objects.bucketName,
        SAGA_TOKENS_TABLE: tokens.tableName,
        SAGA_MACHINE_ARN_PREFIX: machineArn(''),
      },
    };
    const permissions = [...appendEvents(data), ...keepSagaTokens(tokens), ...answerMachines(arns, data.viewsKey)];
    const task = new ServiceFunction(this, 'Task', {
      ...common,
      name: 'saga-task',
      description: 'Annals: does the tasks of the state machines of sagas',
      permissions,
    });
    const events = new ServiceFunction(this, 'Events', {
      ...common,
      name: 'saga-events',
      description: 'Annals: starts sagas, and brings them answers',
      permissions: [...permissions, ...startMachines(arns, data.viewsKey)],
    });
    for (const user of [task, events]) data.objects.acknowledgeUse(user, 'snapshots', 'large-events');
    subscribe(this, events, props);
    for (const saga of sagas) {
      const name = `${prefix}${saga.name}`;
      new SagaStateMachine(this, saga.name, { config, alarmTopic, saga, name, task, key: data.viewsKey });
    }
    new CfnOutput(this, 'SagaTaskFunction', { value: task.functionArn });
    new CfnOutput(this, 'SagaMachineArnPrefix', { value: machineArn('') });
  }
}

/**
 * The table of tokens. Whoever has a token can answer for an agent, so the table has the key of the events, and tokens are
 * deleted after their use. The construct is called `Tasks`, because another id would replace the deployed table.
 */
function tokensTable(scope: Construct, { config, data }: SagasProps): Table {
  return new Table(scope, 'Tasks', {
    partitionKey: { name: 'waits', type: AttributeType.STRING },
    sortKey: { name: 'place', type: AttributeType.STRING },
    timeToLiveAttribute: 'expiresAt',
    ...tableSettings(config, data.key),
  });
}

/** The types of events that any saga may need: they turn, resume or signal it, or end an approval that it waits for. */
const MACHINERY = ['saga.compensating', 'saga.resumed', 'saga.signalled', 'approval.decided', 'approval.expired'];

/** The types of events for sagas: they start a saga, answer a step, end a party of a step, or are of the machinery. */
function eventTypes(sagas: readonly SagaOutline[]): string[] {
  const types = sagas.flatMap(({ startedBy, answers, steps }) => [
    startedBy,
    ...Object.keys(answers),
    ...steps.flatMap(({ party = [] }) => [party].flat()).flatMap(({ endedBy }) => endedBy),
  ]);
  return [...new Set([...types, ...MACHINERY])];
}

function subscribe(scope: Construct, events: ServiceFunction<'saga-events'>, props: SagasProps): void {
  const { bus, sagas } = props;
  const waiting = waitingEvents(scope, events, props);
  events.configureAsyncInvoke({
    retryAttempts: 2,
    maxEventAge: Duration.hours(6),
    onFailure: new SqsDestination(waiting),
  });
  addAlarm(events, 'Lost', props, {
    ...{ name: 'LostEvents', subject: events.name, threshold: 1, periods: 1 },
    metric: events.metric('DestinationDeliveryFailures', { statistic: 'Sum', period: Duration.minutes(1) }),
  });
  const rule = new Rule(scope, 'Rule', {
    description: 'Annals: events for sagas',
    eventBus: bus,
    // Other systems may use the bus and the names of types, too.
    eventPattern: { source: Match.prefix('annals.'), detailType: eventTypes(sagas) },
  });
  rule.addTarget(new LambdaFunction(events, { deadLetterQueue: waiting }));
  alarmLostEvents(rule, bus, props, 'saga-rule');
}

/** Pause between two attempts at an event that waits. */
const RETRY_PAUSE = Duration.minutes(15);
/** Attempts within a day. */
const MAX_ATTEMPTS = 96;

/**
 * The queue of events that failed. Lambda retries an event twice, within three minutes. Then the event waits in this queue
 * and is retried for a day, so that an outage loses no event. After that it goes to a dead-letter queue, from which SQS
 * moves it back on request.
 */
function waitingEvents(scope: Construct, events: ServiceFunction<'saga-events'>, props: SagasProps): sqs.Queue {
  const undelivered = new DeadLetterQueue(scope, 'Undelivered', {
    ...props,
    subject: 'sagas',
    reason:
      'This queue is itself a dead-letter queue: events are put here that the function could not take in for a day. Nothing consumes it automatically, so no message can be received too often.',
  });
  const waiting = waitingQueue(scope, 'Waiting', {
    config: props.config,
    failures: undelivered,
    pause: RETRY_PAUSE,
    attempts: MAX_ATTEMPTS,
  });
  addAlarm(waiting, 'Alarm', props, {
    ...{ name: 'SagaEventsWait', threshold: 1, periods: 1 },
    metric: waiting.metricNumberOfMessagesSent({ statistic: 'Sum', period: Duration.minutes(1) }),
  });
  events.addEventSource(new SqsEventSource(waiting, { batchSize: 1 }));
  return waiting;
}

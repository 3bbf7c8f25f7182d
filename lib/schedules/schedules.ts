import { Duration, Stack } from 'aws-cdk-lib';
import { type IEventBus, Match, Rule, RuleTargetInput, Schedule } from 'aws-cdk-lib/aws-events';
import { SqsQueue } from 'aws-cdk-lib/aws-events-targets';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { CfnScheduleGroup } from 'aws-cdk-lib/aws-scheduler';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { Data } from '../data/data.ts';
import { appendEvents, readLists } from '../data/permissions.ts';
import { acknowledge, textInFinding } from '../shared/acknowledge.ts';
import type { AlarmPlace } from '../shared/alarms.ts';
import { nameOf } from '../shared/config.ts';
import { DeadLetterQueue } from '../shared/dead-letter-queue.ts';
import { alarmFailedStarts, alarmLostEvents } from '../shared/rule-alarm.ts';
import { type FunctionCode, ServiceFunction } from '../shared/service-function.ts';
import { waitingQueue } from '../shared/waiting-queue.ts';

/** The data, bus and code that {@link Schedules} needs. */
export interface SchedulesProps extends AlarmPlace {
  readonly data: Data;
  readonly bus: IEventBus;
  readonly code: FunctionCode;
}

/** Pause between two attempts at a call. It is longer than an invocation. */
const RETRY_PAUSE = Duration.minutes(6);
/** Attempts within a day. */
const MAX_ATTEMPTS = 240;

/**
 * Schedules: a queue whose messages are calls of timers, and the function that they call. EventBridge Scheduler sends calls
 * to the queue, a rule sends the events of new schedules, and another rule asks for a sweep of lost calls.
 */
export class Schedules extends Construct {
  constructor(scope: Construct, id: string, props: SchedulesProps) {
    super(scope, id);
    const { config, alarmTopic, data, code } = props;
    const failures = new DeadLetterQueue(this, 'Undelivered', {
      ...props,
      subject: 'schedules',
      reason:
        'This queue is itself a dead-letter queue: calls of timers are put here that the function could not do for a day, or that could not be sent. Nothing consumes it automatically, so no message can be received too often.',
    });
    const calls = waitingQueue(this, 'Calls', { config, failures, pause: RETRY_PAUSE, attempts: MAX_ATTEMPTS });
    const group = new CfnScheduleGroup(this, 'Group', { name: nameOf(config) });
    const sender = new Role(this, 'Sender', {
      description: 'Annals: EventBridge Scheduler sends calls of timers',
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
        conditions: { ArnEquals: { 'aws:SourceArn': group.attrArn } },
      }),
    });
    sender.addToPolicy(
      new PolicyStatement({ actions: ['sqs:SendMessage'], resources: [calls.queueArn, failures.queueArn] }),
    );
    const timer = new ServiceFunction(this, 'Timer', {
      ...{ config, alarmTopic, code },
      name: 'timer',
      description: 'Annals: runs schedules that are due, and sets their timers',
      timeout: Duration.seconds(60),
      memoryMegabytes: 512,
      environment: {
        EVENTS_TABLE: data.events.tableName,
        VIEWS_TABLE: data.views.tableName,
        CONTROL_TABLE: data.control.tableName,
        OBJECTS_BUCKET: data.objects.bucketName,
        SCHEDULE_GROUP: nameOf(config),
        SCHEDULER_ROLE_ARN: sender.roleArn,
        TIMER_QUEUE_URL: calls.queueUrl,
        TIMER_QUEUE_ARN: calls.queueArn,
        TIMER_FAILURES_ARN: failures.queueArn,
      },
      permissions: [...appendEvents(data), ...readLists(data), ...setTimers(group, sender, calls)],
    });
    data.objects.acknowledgeUse(timer, 'snapshots', 'large-events', 'large-views');
    acknowledge(
      timer.role ?? timer,
      `AwsSolutions-IAM5[Resource::${textInFinding(timer, schedulesIn(group))}]`,
      'The schedules of a stage are named by hashes, so the names cannot be listed beforehand. The group holds no other schedules, and the statement allows to create and delete them only.',
    );
    timer.addEventSource(new SqsEventSource(calls, { batchSize: 1 }));
    callByEvents(this, props, calls, failures);
    const sweep = new Rule(this, 'Sweep', {
      description: 'Annals: looks for runs of schedules that are overdue',
      schedule: Schedule.rate(Duration.minutes(15)),
      targets: [new SqsQueue(calls, { message: RuleTargetInput.fromObject({ sweep: true }) })],
    });
    alarmFailedStarts(sweep, props, 'schedules');
  }
}

/** New schedules need a timer, and cancelled schedules need none. */
function callByEvents(scope: Construct, props: SchedulesProps, calls: sqs.Queue, failures: sqs.Queue): void {
  const rule = new Rule(scope, 'Rule', {
    description: 'Annals: new and cancelled schedules',
    eventBus: props.bus,
    // Other systems may use the bus and the names of types, too.
    eventPattern: { source: Match.prefix('annals.'), detailType: ['schedule.created', 'schedule.cancelled'] },
  });
  rule.addTarget(new SqsQueue(calls, { deadLetterQueue: failures }));
  alarmLostEvents(rule, props.bus, props, 'schedule-rule');
}

/** The ARN of all schedules of a group. */
const schedulesIn = (group: CfnScheduleGroup): string =>
  Stack.of(group).formatArn({ service: 'scheduler', resource: 'schedule', resourceName: `${group.name}/*` });

/** Timer: asks for calls, and takes them back. */
const setTimers = (group: CfnScheduleGroup, sender: Role, calls: sqs.Queue): PolicyStatement[] => [
  new PolicyStatement({
    actions: ['scheduler:CreateSchedule', 'scheduler:DeleteSchedule'],
    resources: [schedulesIn(group)],
  }),
  new PolicyStatement({
    actions: ['iam:PassRole'],
    resources: [sender.roleArn],
    conditions: { StringEquals: { 'iam:PassedToService': 'scheduler.amazonaws.com' } },
  }),
  new PolicyStatement({ actions: ['sqs:SendMessage'], resources: [calls.queueArn] }),
];

import { Duration, Stack, type StackProps } from 'aws-cdk-lib';
import { Rule, RuleTargetInput, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction as FunctionTarget, SqsQueue } from 'aws-cdk-lib/aws-events-targets';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { tryParts } from '../data/permissions.ts';
import type { BusStack } from '../delivery/bus-stack.ts';
import { acknowledge } from '../shared/acknowledge.ts';
import { type AlarmPlace, addAlarm } from '../shared/alarms.ts';
import { alarmFailedStarts } from '../shared/rule-alarm.ts';
import { type FunctionCode, ServiceFunction } from '../shared/service-function.ts';
import { alarmRules, checkMinutes, type Watched } from './alarm-rules.ts';
import { addDashboard } from './dashboard.ts';

export interface OperationsStackProps extends StackProps, AlarmPlace, Omit<Watched, 'undelivered'> {
  readonly bus: BusStack;
  readonly code: FunctionCode;
}

/** What tells operators how a stage is: alarms, a dashboard, and a function that tries every part by the clock. */
export class OperationsStack extends Stack {
  constructor(scope: Construct, id: string, props: OperationsStackProps) {
    super(scope, id, props);
    const watched: Watched = { ...props, undelivered: props.bus.undelivered };
    for (const rule of alarmRules(watched)) addAlarm(this, `${rule.name}${rule.of ?? ''}`, props, rule);
    addDashboard(this, watched);
    scheduleHealthChecks(this, props);
  }
}

const MINUTE_MS = 60_000;

/**
 * A rule fires once a minute at most, and EventBridge's other scheduler is no finer. What falls between comes from the same
 * rule by way of queues that hold a message back: cents a month, where a function that sleeps would cost dollars.
 */
function scheduleHealthChecks(scope: Construct, props: OperationsStackProps): void {
  const { config, alarmTopic, data, code } = props;
  const health = new ServiceFunction(scope, 'Health', {
    ...{ config, alarmTopic },
    name: 'health',
    description: 'Annals: tries every part of the stage',
    code,
    environment: {
      ...data.tableNames,
    },
    permissions: tryParts(data),
    timeout: Duration.seconds(10),
    memoryMegabytes: 256,
  });
  const interval = config.eventSystem.monitoring.health_check_interval;
  const rule = new Rule(scope, 'HealthChecks', {
    description: 'Annals: when the parts of the stage are tried',
    schedule: Schedule.rate(Duration.minutes(checkMinutes(config))),
    targets: [new FunctionTarget(health, { event: RuleTargetInput.fromObject({}), retryAttempts: 0 })],
  });
  alarmFailedStarts(rule, props, 'health');
  for (let delay = interval; delay < MINUTE_MS; delay += interval) {
    const seconds = Math.round(delay / 1_000); // SQS knows no parts of a second
    const queue = new sqs.Queue(scope, `After${seconds}s`, {
      deliveryDelay: Duration.seconds(seconds),
      // A check that comes late is worth nothing.
      retentionPeriod: Duration.minutes(2),
      visibilityTimeout: Duration.seconds(60),
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
    });
    acknowledge(
      queue,
      'AwsSolutions-SQS3',
      'It carries the ticks of a clock. One that was not taken within two minutes is of no use to anybody, so there is nothing to keep in a dead-letter queue; that checks stopped altogether raises the alarm Unhealthy.',
    );
    rule.addTarget(new SqsQueue(queue));
    health.addEventSource(new SqsEventSource(queue, { batchSize: 1 }));
  }
}

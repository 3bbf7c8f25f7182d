import { Duration } from 'aws-cdk-lib';
import { Rule, RuleTargetInput, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction as FunctionTarget, SqsQueue } from 'aws-cdk-lib/aws-events-targets';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { tryParts } from '../data/permissions.ts';
import { acknowledge } from '../shared/acknowledge.ts';
import { type AlarmPlace, addAlarm } from '../shared/alarms.ts';
import { alarmFailedStarts } from '../shared/rule-alarm.ts';
import { type FunctionCode, ServiceFunction } from '../shared/service-function.ts';
import { alarmRules, checkMinutes, type Watched } from './alarm-rules.ts';
import { addDashboard } from './dashboard.ts';

/** The stacks that {@link Operations} watches. */
export interface OperationsProps extends AlarmPlace, Watched {
  readonly code: FunctionCode;
}

/** The alarms and the dashboard of a stage, and a function that checks its health on a schedule. */
export class Operations extends Construct {
  constructor(scope: Construct, id: string, props: OperationsProps) {
    super(scope, id);
    for (const rule of alarmRules(props)) addAlarm(this, `${rule.name}${rule.subject ?? ''}`, props, rule);
    addDashboard(this, props);
    scheduleHealthChecks(this, props);
  }
}

const MINUTE_MS = 60_000;

/**
 * A rule fires at most once a minute, as EventBridge Scheduler does. More frequent checks come from the same rule through
 * queues that delay a message. They cost cents a month; a function that sleeps would cost dollars.
 */
function scheduleHealthChecks(scope: Construct, props: OperationsProps): void {
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
      // A late check is useless.
      retentionPeriod: Duration.minutes(2),
      visibilityTimeout: Duration.seconds(60),
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
    });
    acknowledge(
      queue,
      'AwsSolutions-SQS3',
      'The queue carries ticks of a clock. A tick that was not taken within two minutes is useless, so a dead-letter queue would keep nothing of value. The alarm Unhealthy goes off when checks stop altogether.',
    );
    rule.addTarget(new SqsQueue(queue));
    health.addEventSource(new SqsEventSource(queue, { batchSize: 1 }));
  }
}

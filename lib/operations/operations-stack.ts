import { CfnOutput, Duration, Stack, type StackProps } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { Rule, RuleTargetInput, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction as FunctionTarget, SqsQueue } from 'aws-cdk-lib/aws-events-targets';
import { ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { Topic } from 'aws-cdk-lib/aws-sns';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { tryParts } from '../data/permissions.ts';
import type { BusStack } from '../delivery/bus-stack.ts';
import { acknowledge } from '../shared/acknowledge.ts';
import { alarmProps } from '../shared/alarms.ts';
import { type FunctionCode, ServiceFunction } from '../shared/service-function.ts';
import { alarmRules, type Watched } from './alarm-rules.ts';
import { addDashboard } from './dashboard.ts';

export interface OperationsStackProps extends StackProps, Omit<Watched, 'undelivered'> {
  readonly bus: BusStack;
  readonly code: FunctionCode;
}

/** What tells operators how a stage is: alarms to one topic, a dashboard, and a function that tries every part by the clock. */
export class OperationsStack extends Stack {
  /** Where alarms go; subscribe whoever is on call. */
  readonly topic: Topic;

  constructor(scope: Construct, id: string, props: OperationsStackProps) {
    super(scope, id, props);
    this.topic = alarmTopic(this, props);
    const watched: Watched = { ...props, undelivered: props.bus.undelivered };
    for (const rule of alarmRules(watched)) {
      const options = alarmProps(props.config, rule);
      if (options.metric instanceof cloudwatch.MathExpression && !props.config.metricMath) continue;
      const alarm = new cloudwatch.Alarm(this, rule.name, options);
      alarm.addAlarmAction(new SnsAction(this.topic));
      alarm.addOkAction(new SnsAction(this.topic));
    }
    addDashboard(this, watched);
    scheduleHealthChecks(this, props);
    new CfnOutput(this, 'AlarmTopic', { value: this.topic.topicArn });
  }
}

function alarmTopic(scope: Construct, { config }: OperationsStackProps): Topic {
  // A key of its own, that CloudWatch may use: it has no business with the tables.
  const masterKey = new Key(scope, 'Key', {
    description: 'Annals: alarms',
    enableKeyRotation: true,
    removalPolicy: config.removalPolicy,
  });
  masterKey.grantEncryptDecrypt(new ServicePrincipal('cloudwatch.amazonaws.com'));
  return new Topic(scope, 'Alarms', { topicName: `annals-${config.stage}-alarms`, enforceSSL: true, masterKey });
}

const MINUTE_MS = 60_000;

/**
 * A rule fires once a minute at most, and EventBridge's other scheduler is no finer. What falls between comes from the same
 * rule by way of queues that hold a message back: cents a month, where a function that sleeps would cost dollars.
 */
function scheduleHealthChecks(scope: Construct, { config, data, code }: OperationsStackProps): void {
  const health = new ServiceFunction(scope, 'Health', {
    config,
    name: 'health',
    description: 'Annals: tries every part of the stage',
    code,
    environment: {
      EVENTS_TABLE: data.events.tableName,
      VIEWS_TABLE: data.views.tableName,
      CONTROL_TABLE: data.control.tableName,
      LOG_TABLE: data.log.tableName,
    },
    permissions: tryParts(data),
    timeout: Duration.seconds(10),
    memoryMegabytes: 256,
  });
  const interval = config.eventSystem.monitoring.health_check_interval;
  const rule = new Rule(scope, 'HealthChecks', {
    description: 'Annals: when the parts of the stage are tried',
    schedule: Schedule.rate(Duration.minutes(Math.max(1, Math.round(interval / MINUTE_MS)))),
    targets: [new FunctionTarget(health, { event: RuleTargetInput.fromObject({}), retryAttempts: 0 })],
  });
  for (let delay = interval; delay < MINUTE_MS; delay += interval) {
    const queue = new sqs.Queue(scope, `After${delay / 1_000}s`, {
      deliveryDelay: Duration.millis(delay),
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

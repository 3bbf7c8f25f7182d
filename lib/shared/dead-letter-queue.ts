import { Duration } from 'aws-cdk-lib';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { acknowledge } from './acknowledge.ts';
import { type AlarmPlace, addAlarm } from './alarms.ts';

export interface DeadLetterQueueProps extends AlarmPlace {
  /** Whose events it keeps: the alarm `Undelivered` has this in its name. */
  readonly of: string;
  /** What is put here, and why nobody takes it out by itself. */
  readonly reason: string;
}

/** Keeps for 14 days what could not be delivered, and tells somebody as soon as there is anything in it. */
export class DeadLetterQueue extends sqs.Queue {
  constructor(scope: Construct, id: string, { of, reason, ...place }: DeadLetterQueueProps) {
    super(scope, id, {
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
      removalPolicy: place.config.removalPolicy,
    });
    acknowledge(this, 'AwsSolutions-SQS3', reason);
    addAlarm(this, 'Alarm', place, {
      name: 'Undelivered',
      of,
      metric: this.metricApproximateNumberOfMessagesVisible({ statistic: 'Maximum', period: Duration.minutes(1) }),
      threshold: 1,
      periods: 1,
    });
  }
}

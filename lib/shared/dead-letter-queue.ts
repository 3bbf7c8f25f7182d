import { Duration } from 'aws-cdk-lib';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { acknowledge } from './acknowledge.ts';
import { type AlarmPlace, addAlarm } from './alarms.ts';

/** The subject of {@link DeadLetterQueue}, and the reason that it has no consumer. */
export interface DeadLetterQueueProps extends AlarmPlace {
  /** The source of the messages, a part of the name of the alarm `Undelivered`. */
  readonly subject: string;
  /** The messages of the queue, and why no consumer takes them automatically. */
  readonly reason: string;
}

/** A queue that keeps undelivered messages for 14 days. Its alarm goes off at the first message. */
export class DeadLetterQueue extends sqs.Queue {
  constructor(scope: Construct, id: string, { subject, reason, ...place }: DeadLetterQueueProps) {
    super(scope, id, {
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
      removalPolicy: place.config.removalPolicy,
    });
    acknowledge(this, 'AwsSolutions-SQS3', reason);
    addAlarm(this, 'Alarm', place, {
      name: 'Undelivered',
      subject,
      metric: this.metricApproximateNumberOfMessagesVisible({ statistic: 'Maximum', period: Duration.minutes(1) }),
      threshold: 1,
      periods: 1,
    });
  }
}

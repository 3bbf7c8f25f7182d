import { Duration } from 'aws-cdk-lib';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type { Config } from './config.ts';

/** How often, and where to, a {@link waitingQueue} hands a message on. */
export interface WaitingQueueProps {
  readonly config: Config;
  /** Takes what could not be done in the last attempt. */
  readonly failures: sqs.IQueue;
  /** Between two attempts. It is longer than an invocation of the consumer. */
  readonly pause: Duration;
  readonly attempts: number;
}

/** A queue of work that is tried again after a pause, until it goes to a dead-letter queue. */
export const waitingQueue = (
  scope: Construct,
  id: string,
  { config, failures, pause, attempts }: WaitingQueueProps,
): sqs.Queue =>
  new sqs.Queue(scope, id, {
    encryption: sqs.QueueEncryption.SQS_MANAGED,
    enforceSSL: true,
    retentionPeriod: Duration.days(14),
    visibilityTimeout: pause,
    deadLetterQueue: { queue: failures, maxReceiveCount: attempts },
    removalPolicy: config.removalPolicy,
  });

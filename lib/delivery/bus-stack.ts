import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import { EventBus } from 'aws-cdk-lib/aws-events';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import type { AlarmPlace } from '../shared/alarms.ts';
import { DeadLetterQueue } from '../shared/dead-letter-queue.ts';

/** The settings and alarms of {@link BusStack}. */
export interface BusStackProps extends StackProps, AlarmPlace {}

/** The bus to which other systems subscribe, under the name `annals-<stage>`. */
export class BusStack extends Stack {
  readonly bus: EventBus;
  /** Events that the bus could not deliver. */
  readonly undelivered: DeadLetterQueue;

  constructor(scope: Construct, id: string, props: BusStackProps) {
    super(scope, id, props);
    const { stage, removalPolicy } = props.config;
    // A separate key: its policy lets EventBridge use it, which must not use the key of the tables.
    const kmsKey = new Key(this, 'Key', {
      description: 'Annals: events on the bus',
      enableKeyRotation: true,
      removalPolicy,
    });
    this.undelivered = new DeadLetterQueue(this, 'Undelivered', {
      ...props,
      subject: 'bus',
      reason:
        'This queue is itself a dead-letter queue: EventBridge puts events here that it could not encrypt or decrypt. Nothing consumes it automatically, so no message can be received too often.',
    });
    this.bus = new EventBus(this, 'Bus', {
      eventBusName: `annals-${stage}`,
      description: 'Events of Annals, at least once; deduplicate by detail.id',
      kmsKey,
      deadLetterQueue: this.undelivered,
    });
    this.undelivered.addToResourcePolicy(
      new PolicyStatement({
        principals: [new ServicePrincipal('events.amazonaws.com')],
        actions: ['sqs:SendMessage'],
        resources: [this.undelivered.queueArn],
        conditions: { ArnEquals: { 'aws:SourceArn': this.bus.eventBusArn } },
      }),
    );
    new CfnOutput(this, 'EventBus', { value: this.bus.eventBusName });
  }
}

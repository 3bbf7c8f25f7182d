import { CfnOutput } from 'aws-cdk-lib';
import { EventBus } from 'aws-cdk-lib/aws-events';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { type IKey, Key } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import type { AlarmPlace } from '../shared/alarms.ts';
import { nameOf } from '../shared/config.ts';
import { DeadLetterQueue } from '../shared/dead-letter-queue.ts';

/** The settings and alarms of {@link Bus}. */
export interface BusProps extends AlarmPlace {
  /** The key in place of the key that is made by default. */
  readonly key?: IKey;
}

/** The bus to which other systems subscribe, under the name `annals-<stage>`. */
export class Bus extends Construct {
  readonly bus: EventBus;
  /** Events that the bus could not deliver. */
  readonly undelivered: DeadLetterQueue;

  constructor(scope: Construct, id: string, props: BusProps) {
    super(scope, id);
    const { config, key } = props;
    // A separate key: its policy lets EventBridge use it, which must not use the key of the tables.
    const made = { enableKeyRotation: true, removalPolicy: config.removalPolicy };
    const kmsKey = key ?? new Key(this, 'Key', { description: 'Annals: events on the bus', ...made });
    this.undelivered = new DeadLetterQueue(this, 'Undelivered', {
      ...props,
      subject: 'bus',
      reason:
        'This queue is itself a dead-letter queue: EventBridge puts events here that it could not encrypt or decrypt. Nothing consumes it automatically, so no message can be received too often.',
    });
    this.bus = new EventBus(this, 'Bus', {
      eventBusName: nameOf(config),
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

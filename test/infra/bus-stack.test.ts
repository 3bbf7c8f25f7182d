import { Match } from 'aws-cdk-lib/assertions';
import { describe, it } from 'vitest';
import { synthesize } from './synthesis.ts';

const { bus } = synthesize('dev');

describe('the bus', () => {
  it('has a name that subscribers know, a key, and a place for what it cannot encrypt', () => {
    bus.hasResourceProperties('AWS::Events::EventBus', {
      Name: 'annals-dev',
      KmsKeyIdentifier: Match.anyValue(),
      DeadLetterConfig: { Arn: Match.anyValue() },
    });
    bus.hasResourceProperties('AWS::KMS::Key', { EnableKeyRotation: true });
  });

  it('lets EventBridge use the key for this bus only', () => {
    bus.hasResourceProperties('AWS::KMS::Key', {
      KeyPolicy: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Principal: { Service: 'events.amazonaws.com' },
            Condition: { StringEquals: { 'aws:SourceArn': Match.anyValue(), 'aws:SourceAccount': Match.anyValue() } },
          }),
        ]),
      },
    });
  });

  it('keeps undelivered events 14 days, encrypted, and takes them from this bus over TLS only', () => {
    bus.hasResourceProperties('AWS::SQS::Queue', {
      SqsManagedSseEnabled: true,
      MessageRetentionPeriod: 14 * 24 * 3600,
    });
    bus.hasResourceProperties('AWS::SQS::QueuePolicy', {
      PolicyDocument: {
        Statement: [
          Match.objectLike({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
          Match.objectLike({
            Effect: 'Allow',
            Action: 'sqs:SendMessage',
            Principal: { Service: 'events.amazonaws.com' },
            Condition: { ArnEquals: { 'aws:SourceArn': Match.anyValue() } },
          }),
        ],
      },
    });
  });
});

import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { controlTable, EXPIRES_AT, eventsTable, logTable, viewsTable } from '../../adapters/aws/dynamodb/tables.ts';
import { synthesize } from './synthesis.ts';

const { data } = synthesize('dev');
const production = synthesize('prod').data;

/** The table of this name in the stack. */
function table(template: typeof data, name: string) {
  const tables = Object.entries(template.findResources('AWS::DynamoDB::Table'));
  const found = tables.find(([id]) => id.startsWith(name))?.[1];
  if (!found) throw new Error('no such table');
  return found;
}

const byName = <T extends { AttributeName: string }>(attributes: T[]) =>
  attributes.toSorted((a, b) => a.AttributeName.localeCompare(b.AttributeName));

/** Global indexes have limits of their own, which adapters do not know. */
const capped = (indexes: unknown): unknown =>
  (indexes as object[] | undefined)?.map((index) => expect.objectContaining(index));

describe.each([
  ['Events', eventsTable],
  ['Views', viewsTable],
  ['Control', controlTable],
  ['Log', logTable],
])('the table %s', (name, schema) => {
  const { Properties } = table(data, name);

  it('has the keys and indexes that its adapter uses', () => {
    const { AttributeDefinitions, StreamSpecification: _stream, ...rest } = { StreamSpecification: {}, ...schema };
    expect(Properties).toMatchObject(rest);
    expect(byName(Properties.AttributeDefinitions)).toEqual(byName(AttributeDefinitions));
    const indexes = (of: object & Partial<Record<string, unknown>>) => [
      of['LocalSecondaryIndexes'],
      of['GlobalSecondaryIndexes'],
    ];
    expect(indexes(Properties)).toEqual(indexes(schema).map(capped));
  });

  it('is paid by request', () => {
    expect(Properties.BillingMode).toBe('PAY_PER_REQUEST');
  });

  it('can be restored to any second', () => {
    expect(Properties.PointInTimeRecoverySpecification).toEqual({ PointInTimeRecoveryEnabled: true });
  });

  it('is encrypted with a key of ours that is rotated', () => {
    const keyIds = Object.keys(data.findResources('AWS::KMS::Key', { Properties: { EnableKeyRotation: true } }));
    expect(Properties.SSESpecification).toMatchObject({ SSEEnabled: true, SSEType: 'KMS' });
    expect(keyIds).toContain(Properties.SSESpecification.KMSMasterKeyId['Fn::GetAtt'][0]);
  });

  it('stays when production goes, and only then', () => {
    expect(table(production, name).DeletionPolicy).toBe('Retain');
    expect(table(production, name).UpdateReplacePolicy).toBe('Retain');
    expect(table(data, name).DeletionPolicy).toBe('Delete');
  });
});

describe('the table of events', () => {
  const { Properties } = table(data, 'Events');

  it('streams its writes, and expires items with an expiry', () => {
    expect(Properties.StreamSpecification).toEqual({ StreamViewType: 'NEW_IMAGE' });
    expect(Properties.TimeToLiveSpecification).toEqual({ AttributeName: EXPIRES_AT, Enabled: true });
  });

  it('cannot be deleted in production', () => {
    expect(table(production, 'Events').Properties.DeletionProtectionEnabled).toBe(true);
    expect(Properties.DeletionProtectionEnabled).toBe(false);
  });
});

describe('the bucket of objects', () => {
  const [bucket] = Object.values(data.findResources('AWS::S3::Bucket'));

  it('is encrypted with our key, closed to the public, and keeps what was deleted while tables can be restored', () => {
    const [keyId] = Object.keys(data.findResources('AWS::KMS::Key'));
    expect(bucket?.Properties).toMatchObject({
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [
          {
            ServerSideEncryptionByDefault: {
              SSEAlgorithm: 'aws:kms',
              KMSMasterKeyID: { 'Fn::GetAtt': [keyId, 'Arn'] },
            },
          },
        ],
      },
      PublicAccessBlockConfiguration: { BlockPublicAcls: true, BlockPublicPolicy: true, RestrictPublicBuckets: true },
      VersioningConfiguration: { Status: 'Enabled' },
      LifecycleConfiguration: {
        Rules: [
          { NoncurrentVersionExpiration: { NoncurrentDays: 35 }, Status: 'Enabled' },
          { NoncurrentVersionExpiration: { NoncurrentDays: 1 }, Prefix: 'snapshots/', Status: 'Enabled' },
        ],
      },
    });
  });

  it('refuses requests without TLS', () => {
    data.hasResourceProperties('AWS::S3::BucketPolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({ Effect: 'Deny', Action: 's3:*', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
        ]),
      },
    });
  });

  it('stays when production goes, and only then', () => {
    const [own] = Object.values(production.findResources('AWS::S3::Bucket'));
    expect([own?.DeletionPolicy, bucket?.DeletionPolicy]).toEqual(['RetainExceptOnCreate', 'Delete']);
  });
});

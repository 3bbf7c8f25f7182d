import { Duration, Stack } from 'aws-cdk-lib';
import { type CfnTrail, Trail } from 'aws-cdk-lib/aws-cloudtrail';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { type IKey, Key } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import { type Config, nameOf } from '../shared/config.ts';
import { PrivateBucket } from '../shared/private-bucket.ts';
import type { Data } from './data.ts';

/** The stage and the data that {@link Audit} watches. */
export interface AuditProps {
  readonly config: Config;
  /** The key in place of the key that is made by default. */
  readonly key?: IKey;
  readonly data: Data;
}

/** CloudTrail's records of each read and write of items and objects. An option, because AWS charges for each record. */
export class Audit extends Construct {
  constructor(scope: Construct, id: string, { config, data, key: given }: AuditProps) {
    super(scope, id);
    const trailName = nameOf(config);
    const key = given ?? newKey(this, config);
    letTrailUse(key, Stack.of(this), trailName);
    const bucket = new PrivateBucket(this, 'Records', {
      encryptionKey: key,
      config,
      versioned: true,
      lifecycleRules: [{ expiration: Duration.days(config.auditRetentionDays) }],
    });
    const trail = new Trail(this, 'Trail', {
      trailName,
      bucket,
      encryptionKey: key,
      enableFileValidation: true,
      includeGlobalServiceEvents: false,
      isMultiRegionTrail: false,
    });
    const { events, views, control, log, objects } = data;
    const resource = trail.node.defaultChild as CfnTrail;
    resource.eventSelectors = undefined; // CloudTrail takes a single kind of selectors; tables need the advanced kind
    resource.advancedEventSelectors = [
      dataEvents('AWS::DynamoDB::Table', { equalTo: [events, views, control, log].map((table) => table.tableArn) }),
      dataEvents('AWS::S3::Object', { startsWith: [`${objects.bucketArn}/`] }),
    ];
  }
}

type ArnMatch = { readonly equalTo: string[] } | { readonly startsWith: string[] };

function dataEvents(type: string, arn: ArnMatch): CfnTrail.AdvancedEventSelectorProperty {
  return {
    name: type,
    fieldSelectors: [
      { field: 'eventCategory', equalTo: ['Data'] },
      { field: 'resources.type', equalTo: [type] },
      { field: 'resources.ARN', ...arn },
    ],
  };
}

const newKey = (scope: Construct, { removalPolicy }: Config) =>
  new Key(scope, 'Key', { description: 'Annals: audit records', enableKeyRotation: true, removalPolicy });

/** Lets CloudTrail encrypt with a key, for this trail alone. */
function letTrailUse(key: IKey, stack: Stack, trailName: string): void {
  const trailArn = stack.formatArn({ service: 'cloudtrail', resource: 'trail', resourceName: trailName });
  key.addToResourcePolicy(
    new PolicyStatement({
      principals: [new ServicePrincipal('cloudtrail.amazonaws.com')],
      actions: ['kms:GenerateDataKey*', 'kms:DescribeKey'],
      resources: ['*'], // in the policy of a key, `*` is that key
      conditions: { StringEquals: { 'aws:SourceArn': trailArn } },
    }),
  );
}

import { Duration, Stack, type StackProps } from 'aws-cdk-lib';
import { type CfnTrail, Trail } from 'aws-cdk-lib/aws-cloudtrail';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import type { Config } from '../shared/config.ts';
import { PrivateBucket } from '../shared/private-bucket.ts';
import type { DataStack } from './data-stack.ts';

/** The stage and the data that {@link AuditStack} watches. */
export interface AuditStackProps extends StackProps {
  readonly config: Config;
  readonly data: DataStack;
}

/** CloudTrail's records of each read and write of items and objects. An option, because AWS charges for each record. */
export class AuditStack extends Stack {
  constructor(scope: Construct, id: string, { config, data, ...props }: AuditStackProps) {
    super(scope, id, props);
    const trailName = `annals-${config.stage}`;
    const key = trailKey(this, trailName, config);
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

/** The key of the trail: CloudTrail may encrypt with it, for this trail alone. */
function trailKey(stack: Stack, trailName: string, { removalPolicy }: Config): Key {
  const key = new Key(stack, 'Key', { description: 'Annals: audit records', enableKeyRotation: true, removalPolicy });
  const trailArn = stack.formatArn({ service: 'cloudtrail', resource: 'trail', resourceName: trailName });
  key.addToResourcePolicy(
    new PolicyStatement({
      principals: [new ServicePrincipal('cloudtrail.amazonaws.com')],
      actions: ['kms:GenerateDataKey*', 'kms:DescribeKey'],
      resources: ['*'], // in the policy of a key, `*` is that key
      conditions: { StringEquals: { 'aws:SourceArn': trailArn } },
    }),
  );
  return key;
}

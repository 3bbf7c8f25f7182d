import { RemovalPolicy } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { acknowledge } from './acknowledge.ts';
import type { Config } from './config.ts';

/** The key and rules of {@link PrivateBucket}. */
export interface PrivateBucketProps {
  readonly encryptionKey: IKey;
  readonly config: Config;
  readonly lifecycleRules: s3.LifecycleRule[];
  /** Whether replaced and deleted objects can be restored. */
  readonly versioned?: boolean;
}

/** The base of all buckets: encrypted with a key of the stage, reached by TLS only, closed to the public. */
export class PrivateBucket extends s3.Bucket {
  constructor(scope: Construct, id: string, { config, ...props }: PrivateBucketProps) {
    super(scope, id, {
      ...props,
      // CloudFormation only deletes empty buckets.
      autoDeleteObjects: config.emptyBuckets && config.removalPolicy === RemovalPolicy.DESTROY,
      removalPolicy: config.removalPolicy,
      encryption: s3.BucketEncryption.KMS,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
    });
    acknowledge(
      this,
      'AwsSolutions-S1',
      'Each read and write of an object uses the customer-managed key (bucket keys are off, so none is served from a cached data key), and CloudTrail records each use with the caller and the object’s ARN. That is what server access logs would tell, in a trail that nothing here can write to.',
    );
  }
}

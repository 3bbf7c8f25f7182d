import { Duration } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { acknowledge } from './acknowledge.ts';
import type { Config } from './config.ts';

export interface FailureBucketProps {
  readonly config: Config;
  readonly encryptionKey: IKey;
}

/** Where Lambda puts batches that their consumer gave up on, whole, so that they can be processed later. */
export class FailureBucket extends s3.Bucket {
  constructor(scope: Construct, id: string, { config, encryptionKey }: FailureBucketProps) {
    super(scope, id, {
      encryption: s3.BucketEncryption.KMS,
      encryptionKey,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
      lifecycleRules: [
        {
          expiration: Duration.days(config.failedBatchRetentionDays),
          abortIncompleteMultipartUploadAfter: Duration.days(1),
        },
      ],
      removalPolicy: config.removalPolicy,
    });
    acknowledge(
      this,
      'AwsSolutions-S1',
      'Each read and write of an object uses the customer-managed key (bucket keys are off, so none is served from a cached data key), and CloudTrail records each use with the caller and the object’s ARN. That is what server access logs would tell, in a trail that nothing here can write to.',
    );
  }
}

import { Duration } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import type { Config } from '../shared/config.ts';
import { PrivateBucket } from '../shared/private-bucket.ts';

export interface FailureBucketProps {
  readonly config: Config;
  readonly encryptionKey: IKey;
}

/** Where Lambda puts batches that their consumer gave up on, whole, so that they can be processed later. */
export class FailureBucket extends PrivateBucket {
  constructor(scope: Construct, id: string, { config, encryptionKey }: FailureBucketProps) {
    super(scope, id, {
      encryptionKey,
      lifecycleRules: [
        {
          expiration: Duration.days(config.failedBatchRetentionDays),
          abortIncompleteMultipartUploadAfter: Duration.days(1),
        },
      ],
      removalPolicy: config.removalPolicy,
    });
  }
}

import { Duration } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { acknowledge, arnInFinding } from '../shared/acknowledge.ts';
import type { Config } from '../shared/config.ts';
import { PrivateBucket } from '../shared/private-bucket.ts';

/** The settings and the key of {@link FailureBucket}. */
export interface FailureBucketProps {
  readonly config: Config;
  readonly encryptionKey: IKey;
}

/** The bucket into which Lambda puts batches that it gave up, with their records, so that they can be redriven. */
export class FailureBucket extends PrivateBucket {
  constructor(scope: Construct, id: string, { config, encryptionKey }: FailureBucketProps) {
    super(scope, id, {
      config,
      encryptionKey,
      lifecycleRules: [
        {
          expiration: Duration.days(config.failedBatchRetentionDays),
          abortIncompleteMultipartUploadAfter: Duration.days(1),
        },
      ],
    });
  }

  /** Acknowledges the wildcards in the policy of a function that redrives batches. */
  acknowledgeRedrive(user: lambda.Function): void {
    acknowledge(
      user.role ?? user,
      `AwsSolutions-IAM5[Resource::${arnInFinding(this, user)}/*]`,
      'Lambda names each failed batch by mapping, shard and time, so the keys cannot be listed beforehand. The statement allows to read and to remove single objects, and the bucket holds nothing but failed batches.',
    );
  }
}

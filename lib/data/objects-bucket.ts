import { Duration } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { acknowledge, arnInFinding } from '../shared/acknowledge.ts';
import type { Config } from '../shared/config.ts';
import { PrivateBucket } from '../shared/private-bucket.ts';

/** A table can be restored to any time of so many days, so the objects that its items refer to are kept as long. */
const RESTORABLE_DAYS = 35;

/**
 * The bucket of snapshots, large events, large views and archived segments of the log. Most of them cannot be made again,
 * so the bucket is versioned: a deleted object can be restored for as long as the tables can.
 */
export class ObjectsBucket extends PrivateBucket {
  constructor(scope: Construct, id: string, props: { config: Config; encryptionKey: IKey }) {
    super(scope, id, {
      ...props,
      versioned: true,
      lifecycleRules: [
        {
          noncurrentVersionExpiration: Duration.days(RESTORABLE_DAYS),
          expiredObjectDeleteMarker: true,
          abortIncompleteMultipartUploadAfter: Duration.days(1),
        },
        // Deleted snapshots are never needed again.
        { prefix: 'snapshots/', noncurrentVersionExpiration: Duration.days(1) },
      ],
    });
  }

  /** Acknowledges the wildcards in the policy of a function that uses the objects in some folders. */
  acknowledgeUse(user: lambda.Function, ...folders: string[]): void {
    const arn = arnInFinding(this, user);
    for (const folder of folders) {
      acknowledge(
        user.role ?? user,
        `AwsSolutions-IAM5[Resource::${arn}/${folder}/*]`,
        `The keys under ${folder}/ name streams and versions, which cannot be listed beforehand. The statement allows single actions on objects, and nothing outside of this folder of the bucket.`,
      );
    }
  }
}

import { Duration, Stack } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { acknowledge } from '../shared/acknowledge.ts';
import type { Config } from '../shared/config.ts';
import { PrivateBucket } from '../shared/private-bucket.ts';

/** Days for which a table can be restored, and so for which what its items point to must not be gone. */
const RESTORABLE_DAYS = 35;

/**
 * Objects of the event store: snapshots, which can be made anew, and large events and archived log segments, which cannot.
 * Hence versions: what is deleted by mistake can be brought back for as long as the tables can.
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
        // Pruned ones are of no use to anybody.
        { prefix: 'snapshots/', noncurrentVersionExpiration: Duration.days(1) },
      ],
    });
  }

  /** Answers for the keys in the policy of a function that uses what is under some folders. */
  acknowledgeUse(user: lambda.Function, ...folders: string[]): void {
    const stack = Stack.of(this);
    const { 'Fn::ImportValue': arn } = stack.resolve(stack.exportValue(this.bucketArn));
    for (const folder of folders) {
      acknowledge(
        user.role ?? user,
        `AwsSolutions-IAM5[Resource::${arn}/${folder}/*]`,
        `The keys under ${folder}/ name streams and versions, which cannot be listed beforehand. The statement allows single actions on objects, and nothing outside of this folder of the bucket.`,
      );
    }
  }
}

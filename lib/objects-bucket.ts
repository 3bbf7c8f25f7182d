import { Duration, type RemovalPolicy } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import { PrivateBucket } from './private-bucket.ts';

/** Days for which a table can be restored, and so for which what its items point to must not be gone. */
const RESTORABLE_DAYS = 35;

/**
 * Objects of the event store: snapshots, which can be made anew, and large events and archived log segments, which cannot.
 * Hence versions: what is deleted by mistake can be brought back for as long as the tables can.
 */
export class ObjectsBucket extends PrivateBucket {
  constructor(scope: Construct, id: string, props: { encryptionKey: IKey; removalPolicy: RemovalPolicy }) {
    super(scope, id, {
      ...props,
      versioned: true,
      lifecycleRules: [
        {
          noncurrentVersionExpiration: Duration.days(RESTORABLE_DAYS),
          expiredObjectDeleteMarker: true,
          abortIncompleteMultipartUploadAfter: Duration.days(1),
        },
      ],
    });
  }
}

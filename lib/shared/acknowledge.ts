import { Stack, Validations } from 'aws-cdk-lib';
import type { Bucket, CfnBucket } from 'aws-cdk-lib/aws-s3';
import type { IConstruct } from 'constructs';

/** Accepts a finding of the security rules on a construct, for a reason that a reviewer can check. */
export function acknowledge(construct: IConstruct, id: string, reason: string): void {
  Validations.of(construct).acknowledge({ id, reason });
}

/** The ARN of a bucket as a finding on a policy has it: by the bucket's logical id, or by its export for another stack. */
export function arnInFinding(bucket: Bucket, user: IConstruct): string {
  const stack = Stack.of(bucket);
  if (stack === Stack.of(user)) return `<${stack.getLogicalId(bucket.node.defaultChild as CfnBucket)}.Arn>`;
  const { 'Fn::ImportValue': arn } = stack.resolve(stack.exportValue(bucket.bucketArn));
  return arn;
}

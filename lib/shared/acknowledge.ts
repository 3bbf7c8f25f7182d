import { Stack, Token, Validations } from 'aws-cdk-lib';
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

/** A text as a finding has it: with pseudo parameters such as `<AWS::Region>`, where a stack is for any region. */
export function textInFinding(scope: IConstruct, text: string): string {
  const { 'Fn::Join': [, parts] = ['', [text]] }: { 'Fn::Join'?: [string, (string | { Ref: string })[]] } =
    Token.isUnresolved(text) ? Stack.of(scope).resolve(text) : {};
  return parts.map((part) => (typeof part === 'string' ? part : `<${part.Ref}>`)).join('');
}

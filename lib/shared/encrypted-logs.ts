import { Aws, type IAspect } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { CfnLogGroup } from 'aws-cdk-lib/aws-logs';
import type { IConstruct } from 'constructs';
import { type Config, nameOf } from './config.ts';

/** Encrypts every log group below a construct with a key, also log groups that CDK's constructs make. */
export class EncryptedLogs implements IAspect {
  readonly #key: IKey;

  constructor(key: IKey) {
    this.#key = key;
  }

  visit(node: IConstruct): void {
    if (node instanceof CfnLogGroup) node.kmsKeyId ??= this.#key.keyArn;
  }
}

/**
 * Lets CloudWatch Logs use a key for the log groups of a stage, by the start of their names: the stacks of the groups depend
 * on the key, so the key cannot refer to the groups. CDK cannot change the policy of an imported key.
 * @param start the start of the names of groups without a given name
 */
export function letLogsUse(key: IKey, config: Config, start: string): void {
  const groups = [start, `/aws/vendedlogs/states/${nameOf(config)}-`].map(
    (name) => `arn:${Aws.PARTITION}:logs:${Aws.REGION}:${Aws.ACCOUNT_ID}:log-group:${name}*`,
  );
  key.addToResourcePolicy(
    new PolicyStatement({
      principals: [new ServicePrincipal(`logs.${Aws.REGION}.${Aws.URL_SUFFIX}`)],
      actions: ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:DescribeKey'],
      resources: ['*'], // in the policy of a key, `*` is that key
      conditions: { ArnLike: { 'kms:EncryptionContext:aws:logs:arn': groups } },
    }),
  );
}

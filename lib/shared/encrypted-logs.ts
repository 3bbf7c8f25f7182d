import { Aws, type IAspect } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey, Key } from 'aws-cdk-lib/aws-kms';
import { CfnLogGroup } from 'aws-cdk-lib/aws-logs';
import type { IConstruct } from 'constructs';
import type { Config } from './config.ts';

/** Encrypts every log group below a construct with a key, also those that another construct makes. */
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
 * Lets CloudWatch Logs use a key for the log groups of a stage. By the start of their names: the groups lie in stacks that
 * depend on the key, so the key cannot name them.
 */
export function letLogsUse(key: Key, { stage }: Config): void {
  const groups = ['', '/aws/vendedlogs/states/'].map(
    (folder) => `arn:${Aws.PARTITION}:logs:${Aws.REGION}:${Aws.ACCOUNT_ID}:log-group:${folder}annals-${stage}-*`,
  );
  key.addToResourcePolicy(
    new PolicyStatement({
      principals: [new ServicePrincipal(`logs.${Aws.REGION}.${Aws.URL_SUFFIX}`)],
      actions: ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:DescribeKey'],
      resources: ['*'], // in a key's policy: this key
      conditions: { ArnLike: { 'kms:EncryptionContext:aws:logs:arn': groups } },
    }),
  );
}

import { RemovalPolicy } from 'aws-cdk-lib';
import { BillingMode, TableEncryption } from 'aws-cdk-lib/aws-dynamodb';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Config } from './config.ts';

/** Units a second that a table or an index takes at most: an upper bound of its costs. DynamoDB answers the rest as throttled. */
export const unitLimits = ({ tables }: Config) => ({
  maxReadRequestUnits: tables.readUnitsPerSecond,
  maxWriteRequestUnits: tables.writeUnitsPerSecond,
});

/** What all tables have alike: encrypted with our key, restorable to any second, kept with the stage's data, capped. */
export function tableSettings(config: Config, encryptionKey: IKey) {
  const kept = config.removalPolicy !== RemovalPolicy.DESTROY;
  return {
    billingMode: BillingMode.PAY_PER_REQUEST,
    ...unitLimits(config),
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    encryption: TableEncryption.CUSTOMER_MANAGED,
    encryptionKey,
    deletionProtection: kept,
    // A protected table cannot be removed when its first deployment fails, so CloudFormation must not try.
    removalPolicy: kept ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
  };
}

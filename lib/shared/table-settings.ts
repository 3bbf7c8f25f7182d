import { RemovalPolicy } from 'aws-cdk-lib';
import { BillingMode, TableEncryption } from 'aws-cdk-lib/aws-dynamodb';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Config } from './config.ts';

/** Most units a second of a table or an index, which bound its costs. DynamoDB throttles further requests. */
export const unitLimits = ({ tables }: Config) => ({
  maxReadRequestUnits: tables.readUnitsPerSecond,
  maxWriteRequestUnits: tables.writeUnitsPerSecond,
});

/** The settings of all tables: encrypted with a key of the stage, restorable to any second, capped, kept as the stage's data. */
export function tableSettings(config: Config, encryptionKey: IKey) {
  const kept = config.removalPolicy !== RemovalPolicy.DESTROY;
  return {
    billingMode: BillingMode.PAY_PER_REQUEST,
    ...unitLimits(config),
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    encryption: TableEncryption.CUSTOMER_MANAGED,
    encryptionKey,
    deletionProtection: kept,
    // CloudFormation cannot remove a protected table when the first deployment fails, so it must not try.
    removalPolicy: kept ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
  };
}

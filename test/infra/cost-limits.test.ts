import { describe, expect, it } from 'vitest';
import { everyResource } from './every-template.ts';

const all = everyResource();
const ofType = (type: string, variant: string) =>
  all.filter(({ resource, variant: { name } }) => resource.Type === type && name === variant);

describe('the cost of a runaway caller is bounded', () => {
  it('by units a second of every table and of every index, in every variant', () => {
    const tables = all.filter(({ resource }) => resource.Type === 'AWS::DynamoDB::Table');
    expect(tables.length).toBeGreaterThan(0);
    for (const { variant, id, resource } of tables) {
      const { OnDemandThroughput, GlobalSecondaryIndexes = [] } = resource.Properties as {
        OnDemandThroughput: object;
        GlobalSecondaryIndexes?: { OnDemandThroughput: object }[];
      };
      for (const limits of [OnDemandThroughput, ...GlobalSecondaryIndexes.map((index) => index.OnDemandThroughput)]) {
        expect(limits, `${variant.name} ${id}`).toEqual({
          MaxReadRequestUnits: variant.settings.stage === 'prod' ? 40_000 : 4_000,
          MaxWriteRequestUnits: variant.settings.stage === 'prod' ? 20_000 : 1_000,
        });
      }
    }
  });

  it('by the concurrency of the functions behind the API in prod, which leaves the account 100 and more', () => {
    const reserved = ofType('AWS::Lambda::Function', 'prod')
      .map(({ resource }) => resource.Properties?.['ReservedConcurrentExecutions'])
      .filter((executions) => executions !== undefined) as number[];
    expect(reserved.toSorted((a, b) => a - b)).toEqual([20, 200, 200, 200]);
    const account = 1_000; // of most accounts
    expect(account - reserved.reduce((sum, executions) => sum + executions, 0)).toBeGreaterThanOrEqual(100);
  });

  it('reserves nothing where an account has little: in dev, and on request', () => {
    for (const variant of ['dev', 'prod-unbounded']) {
      for (const { resource } of ofType('AWS::Lambda::Function', variant)) {
        expect(resource.Properties?.['ReservedConcurrentExecutions']).toBeUndefined();
      }
    }
  });

  it('and somebody is told at four fifths of what the account has, however little', () => {
    const thresholds = ['prod', 'prod-unbounded'].flatMap((variant) =>
      ofType('AWS::CloudWatch::Alarm', variant).flatMap(({ resource: { Properties } }) =>
        Properties?.['AlarmName'] === 'annals-prod-Concurrency' ? [Properties['Threshold']] : [],
      ),
    );
    expect(thresholds).toEqual([800, 8]);
  });

  it('by a daily quota for each client in prod, whose key every method asks for but GET /health', () => {
    expect(ofType('AWS::ApiGateway::ApiKey', 'prod')).toHaveLength(1);
    const [plan] = ofType('AWS::ApiGateway::UsagePlan', 'prod');
    expect(plan?.resource.Properties).toMatchObject({ Quota: { Period: 'DAY' }, Throttle: { RateLimit: 200 } });
    const open = ofType('AWS::ApiGateway::Method', 'prod').filter(
      ({ resource }) => resource.Properties?.['ApiKeyRequired'] !== true,
    );
    expect(open).toHaveLength(1);
  });
});

describe('data of production', () => {
  const tables = [...ofType('AWS::DynamoDB::Table', 'prod')];

  it('is protected alike in every table: restorable, encrypted with our key, not deleted by mistake', () => {
    expect(tables.map(({ id }) => id.replace(/[0-9A-F]{8}$/, '')).toSorted()).toEqual([
      'Control',
      'Events',
      'Log',
      'Tasks',
      'Views',
    ]);
    for (const { resource } of tables) {
      expect(resource.Properties).toMatchObject({
        DeletionProtectionEnabled: true,
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
        SSESpecification: { SSEEnabled: true, SSEType: 'KMS', KMSMasterKeyId: expect.anything() },
      });
    }
  });
});

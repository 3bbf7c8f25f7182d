import { describe, expect, it } from 'vitest';
import { variants } from '../../bin/templates/variants.ts';
import { everyResource } from './every-template.ts';
import { byRegion, resolveIn } from './partitions.ts';

const all = everyResource();
const ofType = (type: string) => all.filter(({ resource }) => resource.Type === type);
const isViewsKey = (value: unknown) => /ExportsOutputFnGetAttViewsKey/.test(JSON.stringify(value));

interface Statement {
  readonly Principal: { readonly Service?: unknown };
  readonly Action: string | string[];
  readonly Condition?: { readonly ArnLike?: Readonly<Record<string, unknown>> };
}

describe('encryption with the key of the stage', () => {
  it('covers every log group', () => {
    const groups = ofType('AWS::Logs::LogGroup');
    expect(groups.length).toBeGreaterThan(variants.length * 10);
    const open = groups.filter(({ resource }) => !isViewsKey(resource.Properties?.['KmsKeyId']));
    expect(open.map(({ variant, id }) => `${variant.name} ${id}`)).toEqual([]);
  });

  it('covers every state machine', () => {
    const machines = ofType('AWS::StepFunctions::StateMachine');
    expect(machines.length).toBeGreaterThanOrEqual(variants.length * 3);
    for (const { variant, id, resource } of machines) {
      const { Type, KmsKeyId } = (resource.Properties?.['EncryptionConfiguration'] ?? {}) as Record<string, unknown>;
      expect({ Type, ours: isViewsKey(KmsKeyId) }, `${variant.name} ${id}`).toEqual({
        ...{ Type: 'CUSTOMER_MANAGED_KMS_KEY', ours: true },
      });
    }
  });

  it('is possible for each function that starts or answers a state machine', () => {
    const callers = ofType('AWS::IAM::Policy').filter(({ resource }) =>
      /"states:(StartExecution|SendTaskSuccess)"/.test(JSON.stringify(resource.Properties)),
    );
    expect(callers.length).toBe(variants.length * 4); // operate, both functions of sagas, the machine of replays
    for (const { variant, id, resource } of callers) {
      const uses = statementsOf(resource.Properties?.['PolicyDocument']).filter((statement) =>
        JSON.stringify(statement.Condition ?? {}).includes('kms:EncryptionContext:aws:states:stateMachineArn'),
      );
      expect(uses.length, `${variant.name} ${id}`).toBeGreaterThan(0);
      for (const { Action } of uses) expect(Action).toEqual(['kms:Decrypt', 'kms:GenerateDataKey']);
    }
  });

  it('is possible for the executions of the distributed map', () => {
    const machines = ofType('AWS::IAM::Policy').filter(({ stack, id }) => stack === 'replay' && /^Machine/.test(id));
    expect(machines).toHaveLength(variants.length);
    for (const { resource } of machines) expect(JSON.stringify(resource)).toMatch(/-replay\/Ranges"/);
  });

  it.each(byRegion)('lets CloudWatch Logs use the key for the log groups of the stage alone (%s)', (region, where) => {
    const keys = ofType('AWS::KMS::Key').filter(({ stack, id }) => stack === 'data' && id.startsWith('ViewsKey'));
    expect(keys).toHaveLength(variants.length);
    for (const { variant, resource } of keys) {
      const policy = statementsOf(resolveIn(where, resource.Properties?.['KeyPolicy']));
      const [logs, ...others] = policy.filter(({ Condition }) => Condition?.ArnLike);
      expect(others).toEqual([]);
      expect(logs?.Principal.Service).toBe(`logs.${region}.${where['AWS::URLSuffix']}`);
      const group = `arn:${where['AWS::Partition']}:logs:${region}:123456789012:log-group:`;
      const start = `annals-${variant.settings.stage}-*`;
      expect(logs?.Condition?.ArnLike).toEqual({
        'kms:EncryptionContext:aws:logs:arn': [`${group}${start}`, `${group}/aws/vendedlogs/states/${start}`],
      });
      const services = policy.map(({ Principal }) => Principal.Service);
      expect(services).toContain('delivery.logs.amazonaws.com');
    }
  });
});

const statementsOf = (document: unknown) => (document as { Statement: Statement[] }).Statement;

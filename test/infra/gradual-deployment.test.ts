import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { build, synthesize } from './synthesis.ts';

const runbook = readFileSync(new URL('../../docs/runbook.md', import.meta.url), 'utf8');

describe.each(['staging', 'prod'] as const)('%s', (stage) => {
  const { api } = synthesize(stage);
  const aliases = Object.keys(api.findResources('AWS::Lambda::Alias', { Properties: { Name: 'live' } }));

  it('moves a tenth of the requests to a new version first, and back when it fails', () => {
    const groups = Object.values(api.findResources('AWS::CodeDeploy::DeploymentGroup'));
    expect(groups).toHaveLength(aliases.length);
    const alarms = api.findResources('AWS::CloudWatch::Alarm');
    for (const { Properties } of groups) {
      expect(Properties.DeploymentConfigName).toBe('CodeDeployDefault.LambdaCanary10Percent5Minutes');
      expect(Properties.AutoRollbackConfiguration).toMatchObject({
        Enabled: true,
        Events: expect.arrayContaining(['DEPLOYMENT_FAILURE', 'DEPLOYMENT_STOP_ON_ALARM']),
      });
      const [{ Name }] = Properties.AlarmConfiguration.Alarms;
      const alarm = alarms[Name.Ref]?.Properties;
      expect(alarm.AlarmName).toMatch(new RegExp(`^annals-${stage}-\\w+Errors$`));
      expect(runbook).toContain(`### ${alarm.AlarmName.split('-').at(-1)}\n`);
      expect(alarm.Dimensions.map(({ Name: dimension }: { Name: string }) => dimension)).toContain('Resource'); // the alias
    }
  });

  it('sends every request to the alias', () => {
    const methods = Object.values(api.findResources('AWS::ApiGateway::Method'));
    expect(methods.length).toBeGreaterThan(10);
    for (const { Properties } of methods) {
      const uri = JSON.stringify(Properties.Integration.Uri);
      expect(
        aliases.some((alias) => uri.includes(`"${alias}"`)),
        uri,
      ).toBe(true);
    }
  });
});

it('dev is deployed at once', () => {
  const { api } = synthesize('dev');
  api.resourceCountIs('AWS::CodeDeploy::DeploymentGroup', 0);
  api.resourceCountIs('AWS::Lambda::Alias', 0);
});

it('production cannot be deleted by mistake: neither its stacks nor its data', () => {
  const { stacks } = build('prod');
  for (const stack of [stacks.data, stacks.bus]) expect(stack.terminationProtection).toBe(true);
  const { data } = synthesize('prod');
  for (const type of ['AWS::DynamoDB::Table', 'AWS::S3::Bucket', 'AWS::KMS::Key']) {
    for (const { DeletionPolicy } of Object.values(data.findResources(type))) expect(DeletionPolicy).toBe('Retain');
  }
});

it('everything says which service and stage it belongs to', () => {
  const { data } = synthesize('staging');
  for (const { Properties } of Object.values(data.findResources('AWS::DynamoDB::Table'))) {
    expect(Properties.Tags).toEqual(
      expect.arrayContaining([
        { Key: 'service', Value: 'annals' },
        { Key: 'stage', Value: 'staging' },
      ]),
    );
  }
});

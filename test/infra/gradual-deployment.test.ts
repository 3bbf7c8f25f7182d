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
    for (const { Properties } of groups) {
      expect(Properties.DeploymentConfigName).toBe('CodeDeployDefault.LambdaCanary10Percent5Minutes');
      expect(Properties.AutoRollbackConfiguration).toMatchObject({
        Enabled: true,
        Events: expect.arrayContaining(['DEPLOYMENT_FAILURE', 'DEPLOYMENT_STOP_ON_ALARM']),
      });
    }
  });

  it('takes a version back when that version crashes or answers faults, whatever the version before it does', () => {
    const alarms = api.findResources('AWS::CloudWatch::Alarm');
    for (const [group, { Properties }] of Object.entries(api.findResources('AWS::CodeDeploy::DeploymentGroup'))) {
      const own = Properties.AlarmConfiguration.Alarms.map(({ Name }: { Name: { Ref: string } }) => alarms[Name.Ref]);
      const [errors, faults] = own.map(({ Properties: alarm }: { Properties: unknown }) => alarm);
      const alias = Object.values(api.findResources('AWS::Lambda::Alias')).find(
        ({ UpdatePolicy }) => UpdatePolicy.CodeDeployLambdaAliasUpdate.DeploymentGroupName.Ref === group,
      )?.Properties;
      const version = alias.FunctionVersion;
      expect(version['Fn::GetAtt'][1]).toBe('Version');

      expect(errors).toMatchObject({ Namespace: 'AWS/Lambda', MetricName: 'Errors' });
      expect(errors.Dimensions).toContainEqual({ Name: 'ExecutedVersion', Value: version });
      expect(errors.Dimensions).toContainEqual({ Name: 'FunctionName', Value: alias.FunctionName });

      // biome-ignore lint/suspicious/noExplicitAny: a template's properties
      const metrics = faults.Metrics.flatMap(({ MetricStat }: any) => (MetricStat ? [MetricStat.Metric] : []));
      const service = errors.AlarmName.split('-').at(-1).replace('Errors', '').toLowerCase();
      expect(metrics).toContainEqual({
        Namespace: `annals-${stage}`,
        MetricName: 'answered_faults_total',
        Dimensions: [
          { Name: 'service', Value: `annals-${service}` },
          { Name: 'version', Value: version },
        ],
      });
      const names = [errors, faults].map(({ AlarmName }) => AlarmName.split('-').at(-1));
      expect(names).toEqual([expect.stringMatching(/Errors$/), expect.stringMatching(/Faults$/)]);
      const deployment = runbook.slice(runbook.indexOf('## Deployment'));
      for (const name of names) expect(deployment).toContain(`\`${name}\``);
    }
  });

  it('sends every request to the alias, but for those of agents over MCP', () => {
    const methods = Object.values(api.findResources('AWS::ApiGateway::Method'));
    expect(methods.length).toBeGreaterThan(10);
    const uris = methods.map(({ Properties }) => JSON.stringify(Properties.Integration.Uri));
    const direct = uris.filter((uri) => !aliases.some((alias) => uri.includes(`"${alias}"`)));
    expect(direct).toEqual([expect.stringContaining('["Mcp')]);
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
    for (const { DeletionPolicy } of Object.values(data.findResources(type)))
      expect(DeletionPolicy).toMatch(/^Retain(ExceptOnCreate)?$/);
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

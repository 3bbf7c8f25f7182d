import { Validations } from 'aws-cdk-lib';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { AwsSolutionsChecks } from 'cdk-nag';
import { describe, expect, it } from 'vitest';
import { build, routes, synthesize } from './synthesis.ts';

const stages = ['dev', 'staging', 'prod'] as const;
const { app } = synthesize('prod');

/** Every acknowledgement in the app: where, of which finding, why. */
const acknowledged = app.node.findAll().flatMap((construct) =>
  construct.node.metadata
    .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
    .flatMap(({ data }) => Object.entries(data as Record<string, string>))
    .map(([id, reason]) => ({ path: construct.node.path, id: id.replace(/^\w+::/, ''), reason })),
);

describe('the AWS Solutions rules', () => {
  it.each(stages)('have no finding in %s that is not acknowledged', (stage) => {
    expect(new AwsSolutionsChecks().validateScope(synthesize(stage).app).violations).toEqual([]);
  });

  it('have no finding with all options either', () => {
    const { app: whole } = synthesize('prod', {}, { clients: ['fleet'], waf: true, trail: true });
    expect(new AwsSolutionsChecks().validateScope(whole).violations).toEqual([]);
  });

  it('fail the synthesis when they have a finding', () => {
    const { app: careless, stacks } = build('dev');
    new Bucket(stacks.data, 'Careless');
    expect(() => careless.synth()).toThrow('AwsSolutions-S10');
  });

  it('are acknowledged with a reason, on the construct of the finding', () => {
    expect(acknowledged.length).toBeGreaterThan(0);
    for (const { path, reason } of acknowledged) {
      expect(reason.split(' ').length, `${path}: ${reason}`).toBeGreaterThan(15);
      expect(path.split('/').length, `${path} is a whole stack`).toBeGreaterThan(1);
    }
  });

  it('are acknowledged only where they have a finding', () => {
    const counts = Object.entries(Object.groupBy(acknowledged, ({ id }) => id)).map(([id, own]) => [id, own?.length]);
    expect(Object.fromEntries(counts)).toEqual({
      'AwsSolutions-APIG3': 1,
      'AwsSolutions-APIG4': 1,
      'AwsSolutions-COG4': Object.values(routes).flat().length,
      'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]': 1,
      'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited]': 4,
      'AwsSolutions-IAM5[Resource::*]': 17,
      'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:execution:annals-prod-replay/*]': 1,
      'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:scheduler:<AWS::Region>:<AWS::AccountId>:schedule/annals-prod/*]': 1,
      [`AwsSolutions-IAM5[Resource::<Failures8A3E1A2F.Arn>/*]`]: 2,
      [`AwsSolutions-IAM5[Resource::<Task79114B6B.Arn>:*]`]: 2,
      [`AwsSolutions-IAM5[Resource::annals-prod-data:ExportsOutputFnGetAttObjectsA92BA4F1ArnDE4464BF/snapshots/*]`]: 10,
      [`AwsSolutions-IAM5[Resource::annals-prod-data:ExportsOutputFnGetAttObjectsA92BA4F1ArnDE4464BF/large-events/*]`]: 13,
      [`AwsSolutions-IAM5[Resource::annals-prod-data:ExportsOutputFnGetAttObjectsA92BA4F1ArnDE4464BF/large-views/*]`]: 9,
      [`AwsSolutions-IAM5[Resource::annals-prod-data:ExportsOutputFnGetAttObjectsA92BA4F1ArnDE4464BF/log/*]`]: 7,
      [`AwsSolutions-IAM5[Resource::annals-prod-data:ExportsOutputFnGetAttObjectsA92BA4F1ArnDE4464BF/verifications/*]`]: 1,
      [`AwsSolutions-IAM5[Resource::annals-prod-delivery:ExportsOutputFnGetAttFailures8A3E1A2FArnE85E26A7/*]`]: 1,
      'AwsSolutions-S1': 2,
      'AwsSolutions-SQS3': 4,
    });
  });
});

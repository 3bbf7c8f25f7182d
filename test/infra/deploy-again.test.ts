import { Tags } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { everyResource, type Resource } from './every-template.ts';
import { partitions, resolveIn } from './partitions.ts';
import { build } from './synthesis.ts';

const [where] = partitions as [(typeof partitions)[number]];
const all = everyResource();

/** The property that names a resource for its whole account and region, where a template gives one. */
const nameProperties: Readonly<Record<string, string>> = {
  'AWS::ApiGateway::ApiKey': 'Name',
  'AWS::ApiGateway::RestApi': 'Name',
  'AWS::ApiGateway::UsagePlan': 'UsagePlanName',
  'AWS::CloudTrail::Trail': 'TrailName',
  'AWS::CloudWatch::Alarm': 'AlarmName',
  'AWS::CloudWatch::CompositeAlarm': 'AlarmName',
  'AWS::CloudWatch::Dashboard': 'DashboardName',
  'AWS::CodeDeploy::Application': 'ApplicationName',
  'AWS::DynamoDB::Table': 'TableName',
  'AWS::Events::EventBus': 'Name',
  'AWS::Events::Rule': 'Name',
  'AWS::IAM::Role': 'RoleName',
  'AWS::KMS::Alias': 'AliasName',
  'AWS::Lambda::Function': 'FunctionName',
  'AWS::Logs::LogGroup': 'LogGroupName',
  'AWS::S3::Bucket': 'BucketName',
  'AWS::SNS::Topic': 'TopicName',
  'AWS::SQS::Queue': 'QueueName',
  'AWS::Scheduler::ScheduleGroup': 'Name',
  'AWS::StepFunctions::StateMachine': 'StateMachineName',
  'AWS::WAFv2::WebACL': 'Name',
};

const named = all.flatMap(({ variant, stack, id, resource }) => {
  const given = resource.Properties?.[nameProperties[resource.Type] ?? ''];
  if (given === undefined) return [];
  const text = JSON.stringify(given);
  return [{ place: `${variant.name} ${stack} ${id}`, variant, resource, text, name: String(resolveIn(where, given)) }];
});

describe('a stage that is deployed again after it was destroyed', () => {
  it('meets no name that an earlier deployment left', () => {
    const kept = named.filter(({ resource }) => (resource.DeletionPolicy ?? 'Delete') !== 'Delete');
    expect(kept.length).toBeGreaterThan(0);
    // A name that has a part of the stack's id is never used twice.
    expect(kept.filter(({ text }) => !text.includes('AWS::StackId')).map(({ place }) => place)).toEqual([]);
  });

  it('is destroyed although its buckets hold objects, unless its data is kept', () => {
    const buckets = all.filter(({ resource }) => resource.Type === 'AWS::S3::Bucket');
    expect(buckets.length).toBeGreaterThan(0);
    for (const { variant, stack, id, resource } of buckets) {
      const emptied = all.some(
        (other) =>
          other.variant === variant &&
          other.stack === stack &&
          other.resource.Type === 'Custom::S3AutoDeleteObjects' &&
          JSON.stringify(other.resource.Properties).includes(`"${id}"`),
      );
      expect(emptied, `${variant.name} ${id}`).toBe(
        resource.DeletionPolicy === 'Delete' && variant.name !== 'dev-emulated',
      );
    }
  });

  it('leaves nothing behind of a first deployment that failed, but tables that are protected', () => {
    const kept = all.filter(({ resource }) => resource.DeletionPolicy === 'Retain');
    const types = new Set(kept.map(({ resource }) => resource.Type));
    // The account's role for the logs of API Gateway: CDK keeps it, since other APIs use it, too.
    expect(types).toEqual(new Set(['AWS::DynamoDB::Table', 'AWS::ApiGateway::Account', 'AWS::IAM::Role']));
    for (const { resource } of kept.filter(({ resource: { Type } }) => Type === 'AWS::DynamoDB::Table')) {
      expect(resource.Properties?.['DeletionProtectionEnabled']).toBe(true);
    }
  });
});

describe('two stages in one account', () => {
  it('share no name: every name has the stage in it', () => {
    expect(named.length).toBeGreaterThan(100);
    const without = named.filter(({ name, variant }) => !name.includes(`annals-${variant.settings.stage}`));
    expect(without.map(({ place, name }) => `${place} ${name}`)).toEqual([]);
  });

  it('are not kept apart by a type whose names nobody looks at', () => {
    const known = new Set(Object.values(nameProperties));
    const unknown = all.filter(({ resource }) => {
      const { Type, Properties = {} } = resource;
      return !(Type in nameProperties) && Object.keys(Properties).some((property) => known.has(property));
    });
    // These live inside of another resource, or name one.
    expect([...new Set(unknown.map(({ resource }) => resource.Type))].toSorted()).toEqual([
      'AWS::ApiGateway::Model',
      'AWS::CodeDeploy::DeploymentGroup',
      'AWS::Lambda::Alias',
      'AWS::Lambda::EventInvokeConfig',
      'AWS::Lambda::EventSourceMapping',
      'AWS::Lambda::Permission',
      'AWS::Lambda::Version',
      'Custom::S3AutoDeleteObjects',
    ]);
  });

  it('may be in two regions: names that are shared by all regions have the region in them', () => {
    const dashboards = named.filter(({ resource }) => resource.Type === 'AWS::CloudWatch::Dashboard');
    expect(dashboards.length).toBeGreaterThan(0);
    for (const { name } of dashboards) expect(name).toContain(where['AWS::Region']);
  });
});

describe('tags that change', () => {
  const templatesOf = (owner?: string) => {
    const { app, stacks } = build('prod');
    if (owner) Tags.of(app).add('owner', owner);
    return Object.values(stacks).map(
      (stack) => Template.fromStack(stack).toJSON().Resources as Record<string, Resource>,
    );
  };

  it('replace nothing, and make no new version of a function, which Lambda would refuse', () => {
    const before = templatesOf().flatMap(Object.entries);
    const after = templatesOf('someone else').flatMap(Object.entries);
    const versions = before.filter(([, { Type }]) => Type === 'AWS::Lambda::Version');
    expect(versions.length).toBeGreaterThan(0);
    // A deployment of the API is a snapshot, which nothing but the stage refers to.
    const ids = (resources: typeof before) =>
      resources.filter(([, { Type }]) => Type !== 'AWS::ApiGateway::Deployment').map(([id]) => id);
    expect(ids(after)).toEqual(ids(before));
  });
});

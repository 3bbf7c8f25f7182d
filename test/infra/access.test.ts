import { Match, type Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { aggregateCommands } from '../../api/aggregates/command-routes.ts';
import { gatewayRoutes } from '../../api/http/gateway-schema.ts';
import { taskDecider } from '../../domain/task/task.ts';
import { routes, synthesize } from './synthesis.ts';

const plain = synthesize('dev');
const guarded = synthesize('prod', {}, { clients: ['fleet-a', 'fleet-b'], waf: true, trail: true });
const stacks = (app: object) => Object.values(app).filter((one): one is Template => 'findResources' in one);
const all = [...stacks(plain), ...stacks(guarded)];
const everyOf = (type: string) => all.flatMap((template) => Object.entries(template.findResources(type)));

describe('a client', () => {
  it('has its own key, with a rate and a quota', () => {
    guarded.api.resourceCountIs('AWS::ApiGateway::ApiKey', 2);
    guarded.api.resourceCountIs('AWS::ApiGateway::UsagePlanKey', 2);
    guarded.api.hasResourceProperties('AWS::ApiGateway::UsagePlan', {
      Quota: { Limit: 10_000_000, Period: 'DAY' },
      Throttle: { RateLimit: 200, BurstLimit: 400 },
      ApiStages: [{ ApiId: Match.anyValue(), Stage: Match.anyValue() }],
    });
  });

  it('sends its key with every request but that for health, once there are clients', () => {
    const keyed = (template: Template) =>
      Object.values(template.findResources('AWS::ApiGateway::Method')).filter(
        ({ Properties }) => Properties.ApiKeyRequired,
      );
    expect(keyed(plain.api)).toHaveLength(0);
    expect(keyed(guarded.api)).toHaveLength(Object.values(routes).flat().length - 1);
    for (const { Properties } of keyed(guarded.api)) expect(Properties.AuthorizationType).toBe('AWS_IAM');
  });

  it('gets an answer to try again later when its quota is used up', () => {
    guarded.api.hasResourceProperties('AWS::ApiGateway::GatewayResponse', {
      ResponseType: 'QUOTA_EXCEEDED',
      StatusCode: '429',
      ResponseParameters: Match.objectLike({ 'gatewayresponse.header.Retry-After': "'3600'" }),
    });
  });
});

describe('the gateway', () => {
  const models = Object.values(plain.api.findResources('AWS::ApiGateway::Model')).map(({ Properties }) => Properties);

  it('checks the form of every body', () => {
    const withBody = Object.values(routes)
      .flat()
      .filter(({ schema }) => schema);
    expect(models.map(({ Name }) => Name).toSorted()).toEqual(
      withBody.map(({ name }) => name.charAt(0).toUpperCase() + name.slice(1)).toSorted(),
    );
    const methods = Object.values(plain.api.findResources('AWS::ApiGateway::Method'));
    const checked = methods.filter(({ Properties }) => Properties.RequestModels?.['application/json']);
    expect(checked).toHaveLength(withBody.length);
  });

  it('refuses too many events, and passes on the bodies that the function checks', () => {
    const append = models.find(({ Name }) => Name === 'AppendEvents');
    expect(append?.Schema).toEqual({
      $schema: 'http://json-schema.org/draft-04/schema#',
      type: 'object',
      properties: { expectedVersion: {}, events: { type: 'array', minItems: 1, maxItems: 100 } },
      required: ['expectedVersion', 'events'],
      additionalProperties: false,
    });
  });

  it('never refuses a body that the function would accept', () => {
    const [{ schema } = {}] = gatewayRoutes(aggregateCommands([taskDecider]));
    const gate = z.fromJSONSchema(schema as z.core.JSONSchema.JSONSchema);
    const task = { requiredAgents: ['a'], payload: { deep: [{ er: null }] }, deadlineSeconds: 60 };
    expect(gate.safeParse(task).success).toBe(true);
    expect(gate.safeParse({ ...task, taskId: '7' }).success).toBe(true);
    expect(gate.safeParse({ ...task, unknown: 1 }).success).toBe(false);
    expect(gate.safeParse({ payload: {} }).success).toBe(false);
    expect(gate.safeParse([]).success).toBe(false);
  });
});

describe('the web ACL', () => {
  it('is there when it is asked for, before the stage', () => {
    plain.api.resourceCountIs('AWS::WAFv2::WebACL', 0);
    guarded.api.resourceCountIs('AWS::WAFv2::WebACLAssociation', 1);
    const [[, acl] = []] = Object.entries(guarded.api.findResources('AWS::WAFv2::WebACL'));
    const [tooLong] = acl?.Properties.Rules ?? [];
    const pattern = new RegExp(tooLong.Statement.RegexMatchStatement.RegexString);
    expect(['6000000', '12345678'].every((length) => pattern.test(length))).toBe(true);
    expect(['0', '1048576', '5242880'].some((length) => pattern.test(length))).toBe(false);
  });
});

describe('the audit trail', () => {
  it('is there when it is asked for, and sees every table and every object', () => {
    expect(plain.audit).toBeUndefined();
    guarded.audit?.hasResourceProperties('AWS::CloudTrail::Trail', {
      IsLogging: true,
      EnableLogFileValidation: true,
      KMSKeyId: Match.anyValue(),
      AdvancedEventSelectors: [
        { FieldSelectors: Match.arrayWith([Match.objectLike({ Equals: ['AWS::DynamoDB::Table'] })]) },
        { FieldSelectors: Match.arrayWith([Match.objectLike({ Equals: ['AWS::S3::Object'] })]) },
      ].map((selector) => Match.objectLike(selector)),
    });
    const [[, trail] = []] = Object.entries(guarded.audit?.findResources('AWS::CloudTrail::Trail') ?? {});
    const arns = trail?.Properties.AdvancedEventSelectors[0].FieldSelectors.at(-1).Equals;
    expect(arns).toHaveLength(Object.keys(guarded.data.findResources('AWS::DynamoDB::Table')).length);
  });
});

describe('whatever keeps data', () => {
  it('has a key of its class, which turns over every year', () => {
    const keyOf = (id: string) => {
      const found = Object.entries(plain.data.findResources('AWS::DynamoDB::Table')).find(([name]) =>
        name.startsWith(id),
      );
      return found?.[1].Properties.SSESpecification.KMSMasterKeyId['Fn::GetAtt'][0].replace(/[0-9A-F]{8}$/, '');
    };
    expect(keyOf('Events')).toBe('Key');
    expect(keyOf('Views')).toBe('ViewsKey');
    for (const [name, { Properties }] of everyOf('AWS::KMS::Key'))
      expect(Properties.EnableKeyRotation, name).toBe(true);
    for (const [name, { Properties }] of everyOf('AWS::DynamoDB::Table')) {
      expect(Properties.SSESpecification, name).toMatchObject({ SSEEnabled: true, SSEType: 'KMS' });
    }
  });

  it('is closed to the public, and to whatever comes without TLS', () => {
    for (const template of all) {
      for (const [kind, policy, target] of [
        ['AWS::S3::Bucket', 'AWS::S3::BucketPolicy', 'Bucket'],
        ['AWS::SQS::Queue', 'AWS::SQS::QueuePolicy', 'Queues'],
      ] as const) {
        const policies = Object.values(template.findResources(policy)).map(({ Properties }) => Properties);
        for (const [id, { Properties }] of Object.entries(template.findResources(kind))) {
          const own = policies.filter((one) => JSON.stringify(one[target]).includes(`"Ref":"${id}"`));
          const statements = own.flatMap((one) => one.PolicyDocument.Statement);
          const denied = statements.some(
            (one) => one.Effect === 'Deny' && one.Condition?.Bool?.['aws:SecureTransport'] === 'false',
          );
          expect(denied, `${id} lets in what comes without TLS`).toBe(true);
          const open = statements.filter((one) => one.Effect === 'Allow' && /"\*"/.test(JSON.stringify(one.Principal)));
          expect(open, `${id} is open`).toEqual([]);
          if (kind === 'AWS::S3::Bucket') {
            expect(Object.values(Properties.PublicAccessBlockConfiguration), id).toEqual([true, true, true, true]);
          }
        }
      }
    }
  });
});

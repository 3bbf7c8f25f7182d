import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { type ProblemCode, problemKinds, problemOf } from '../../api/http/problem.ts';
import { PayloadTooLargeError } from '../../core/base/errors.ts';
import { routes, synthesize } from './synthesis.ts';

const { api } = synthesize('dev');

interface Method {
  readonly authorization: string;
  readonly functionId: string;
  readonly properties: Record<string, unknown>;
}

/** The methods of the template under `GET /path`. */
function methods(): Map<string, Method> {
  const resources = api.findResources('AWS::ApiGateway::Resource');
  const pathOf = (id: string): string => {
    const { PathPart, ParentId } = resources[id]?.Properties ?? {};
    return `${ParentId.Ref ? pathOf(ParentId.Ref) : ''}/${PathPart}`;
  };
  const found = Object.values(api.findResources('AWS::ApiGateway::Method')).map(({ Properties }) => {
    const uri: (string | { 'Fn::GetAtt': [string] })[] = Properties.Integration.Uri['Fn::Join'][1];
    const functionArn = uri.find((part) => typeof part === 'object' && 'Fn::GetAtt' in part);
    const method: Method = {
      authorization: Properties.AuthorizationType,
      functionId: typeof functionArn === 'object' ? functionArn['Fn::GetAtt'][0] : '',
      properties: Properties,
    };
    return [`${Properties.HttpMethod} ${pathOf(Properties.ResourceId.Ref)}`, method] as const;
  });
  return new Map(found);
}

const all = methods();

describe('the API', () => {
  it('has the methods of the routes and no other', () => {
    const declared = Object.values(routes)
      .flat()
      .map(({ method, path }) => `${method} ${path}`);
    expect([...all.keys()].toSorted()).toEqual(declared.toSorted());
  });

  it('asks for IAM authorisation everywhere but on GET /health', () => {
    const open = [...all].filter(([, { authorization }]) => authorization !== 'AWS_IAM').map(([name]) => name);
    expect(open).toEqual(['GET /health']);
  });

  it.each(['command', 'query', 'operate', 'mcp', 'work'] as const)(
    'sends each route to the %s function that is to answer it',
    (name) => {
      const [[id] = []] = Object.entries(
        api.findResources('AWS::Lambda::Function', {
          Properties: { Environment: { Variables: { POWERTOOLS_SERVICE_NAME: `annals-${name}` } } },
        }),
      );
      for (const { method, path } of routes[name]) expect(all.get(`${method} ${path}`)?.functionId).toBe(id);
    },
  );

  it('hands telemetry in Protobuf over as bytes, and everything else as text', () => {
    api.hasResourceProperties('AWS::ApiGateway::RestApi', { BinaryMediaTypes: ['application/x-protobuf'] });
  });

  it('requires every parameter of a path, and validates requests', () => {
    for (const [name, { properties }] of all) {
      const parameters = [...name.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => `method.request.path.${parameter}`);
      expect(properties['RequestParameters']).toEqual(Object.fromEntries(parameters.map((key) => [key, true])));
      expect(properties['RequestValidatorId']).toBeDefined();
    }
    api.hasResourceProperties('AWS::ApiGateway::RequestValidator', {
      ValidateRequestBody: true,
      ValidateRequestParameters: true,
    });
  });

  it('is traced, throttled and logged, without bodies', () => {
    api.hasResourceProperties('AWS::ApiGateway::Stage', {
      StageName: 'dev',
      TracingEnabled: true,
      AccessLogSetting: { DestinationArn: Match.anyValue(), Format: Match.serializedJson(Match.objectLike({})) },
      MethodSettings: [
        Match.objectLike({
          ResourcePath: '/*',
          HttpMethod: '*',
          ThrottlingRateLimit: 100,
          ThrottlingBurstLimit: 200,
          DataTraceEnabled: false,
          LoggingLevel: 'ERROR',
        }),
      ],
    });
  });

  it('logs neither ids nor query strings', () => {
    const [stage] = Object.values(api.findResources('AWS::ApiGateway::Stage'));
    const format: string = stage?.Properties.AccessLogSetting.Format;
    expect(format).toContain('$context.resourcePath');
    expect(format).not.toMatch(/\$context\.(path|requestOverride|customDomain)\b|querystring/);
  });
});

describe('an error that API Gateway answers by itself', () => {
  const responses = Object.values(api.findResources('AWS::ApiGateway::GatewayResponse')).map(
    ({ Properties }) => Properties,
  );

  it('is a problem with the status it is sent with', () => {
    expect(responses.map(({ ResponseType }) => ResponseType)).toEqual(
      expect.arrayContaining(['DEFAULT_4XX', 'DEFAULT_5XX', 'THROTTLED', 'ACCESS_DENIED', 'REQUEST_TOO_LARGE']),
    );
    for (const { StatusCode, ResponseParameters, ResponseTemplates } of responses) {
      const problem = JSON.parse(ResponseTemplates['application/json']);
      expect(String(problem.status)).toBe(StatusCode);
      expect(ResponseParameters['gatewayresponse.header.Content-Type']).toBe("'application/problem+json'");
      const retries = StatusCode === '429' || StatusCode === '503';
      expect('gatewayresponse.header.Retry-After' in ResponseParameters).toBe(retries);
    }
  });

  it('has the status, code and type that the functions give the same error', () => {
    const shared = responses
      .map(({ ResponseTemplates }) => JSON.parse(ResponseTemplates['application/json']))
      .filter(({ code }) => code in problemKinds);
    expect(shared.length).toBeGreaterThan(3);
    for (const { code, status } of shared) expect(problemKinds[code as ProblemCode].status).toBe(status);
    const tooLarge = shared.find(({ code }) => code === 'PAYLOAD_TOO_LARGE');
    expect(problemOf(new PayloadTooLargeError('')).type).toBe(tooLarge.type);
  });
});

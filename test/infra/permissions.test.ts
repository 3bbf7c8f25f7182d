import type { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { synthesize } from './synthesis.ts';

const { data, api, delivery, replay, bus } = synthesize('dev');

interface Grant {
  readonly function: string;
  readonly action: string;
  readonly resource: string;
  readonly viaService?: string;
  /** The state machines that the grant of a key is limited to. */
  readonly forMachines?: string[];
  /** The partition keys that the grant is limited to. */
  readonly keys?: string[];
  /** The operation within which alone the grant holds. */
  readonly within?: string;
}

/** What an ARN in a template names: `Events`, `Events/index/byGroup`, `*`. */
function nameOf(resource: unknown): string {
  if (typeof resource === 'string') return resource;
  const [[kind, value] = []] = Object.entries(resource as Record<string, unknown>);
  if (kind === 'Fn::Join') return (value as [string, unknown[]])[1].map(nameOf).join('');
  if (kind === 'Fn::GetAtt') return (value as [string, string])[0].replace(/[0-9A-F]{8}$/, '');
  if (kind === 'Ref') return `<${value}>`;
  const [, name, attribute] = /ExportsOutput(?:FnGetAtt|Ref)(\w+?)[0-9A-F]{8}(Arn|StreamArn)/.exec(String(value)) ?? [];
  return attribute === 'StreamArn' ? `${name}/stream` : String(name);
}

const list = <T>(value: T | T[]): T[] => (Array.isArray(value) ? value : [value]);

/** Each action on each resource that the roles of a template's functions allow. */
function grants(template: Template): Grant[] {
  return Object.values(template.findResources('AWS::IAM::Policy')).flatMap(({ Properties }) => {
    const role: string = Properties.Roles[0].Ref;
    return (Properties.PolicyDocument.Statement as Statement[]).flatMap((statement) => {
      expect(statement.Effect).toBe('Allow');
      const service = statement.Condition?.StringEquals?.['kms:ViaService'];
      const machines = statement.Condition?.StringEquals?.['kms:EncryptionContext:aws:states:stateMachineArn'];
      const keys = statement.Condition?.['ForAllValues:StringLike']?.['dynamodb:LeadingKeys'];
      const within = statement.Condition?.StringEquals?.['dynamodb:EnclosingOperation'];
      return list(statement.Action).flatMap((action) =>
        list(statement.Resource).map((resource) => ({
          function: role.replace(/Role[0-9A-F]{8}$/, '').toLowerCase(),
          action,
          resource: nameOf(resource),
          ...(service ? { viaService: nameOf(service) } : {}),
          ...(machines ? { forMachines: list(machines).map(nameOf) } : {}),
          ...(keys ? { keys: list(keys) } : {}),
          ...(within ? { within: String(within) } : {}),
        })),
      );
    });
  });
}

interface Statement {
  readonly Effect: string;
  readonly Action: string | string[];
  readonly Resource: unknown;
  readonly Condition?: {
    readonly StringEquals?: { readonly [key: string]: unknown };
    readonly 'ForAllValues:StringLike'?: { readonly 'dynamodb:LeadingKeys'?: string | string[] };
  };
}

const everything = [...grants(api), ...grants(delivery), ...grants(replay)];
/** Those of functions; the state machine has a role, too. */
const all = everything.filter((grant) => grant.function !== 'machine');
const functions = ['command', 'query', 'operate', 'mcp', 'work', 'projector', 'relay', 'replay', 'archiver', 'verify'];
const who = (action: string, resource: string) =>
  all
    .filter((grant) => grant.action === action && grant.resource === resource && !grant.keys && !grant.within)
    .map((grant) => grant.function);
const may = (name: string) =>
  all
    .filter((grant) => grant.function === name && !/^(kms|logs|xray):/.test(grant.action))
    .map(({ action, resource, within }) => `${action} ${resource}${within ? ` within ${within}` : ''}`)
    .toSorted();

describe('permissions', () => {
  it('are all in the policies of the roles', () => {
    expect(new Set(all.map((grant) => grant.function))).toEqual(new Set(functions));
    for (const template of [data, bus]) template.resourceCountIs('AWS::IAM::Policy', 0);
    for (const template of [api, delivery, replay]) {
      template.resourceCountIs('AWS::IAM::ManagedPolicy', 0);
      for (const [id, { Properties }] of Object.entries(template.findResources('AWS::IAM::Role'))) {
        if (id.startsWith('CustomS3AutoDeleteObjects')) continue; // of CDK, where data is not kept
        const { Service } = Properties.AssumeRolePolicyDocument.Statement[0].Principal;
        if (Service === 'lambda.amazonaws.com') expect(Properties).not.toHaveProperty('ManagedPolicyArns');
        expect(Properties).not.toHaveProperty('Policies');
      }
    }
  });

  it('hold no wildcard but X-Ray’s resource and the keys of objects', () => {
    const wild = all.filter(({ action, resource }) => action.includes('*') || resource.includes('*'));
    expect(new Set(wild.map(({ action, resource }) => `${action} ${resource}`))).toEqual(
      new Set([
        ...['xray:PutTraceSegments *', 'xray:PutTelemetryRecords *', 's3:PutObject Failures/*'],
        ...['s3:GetObject Failures/*', 's3:DeleteObject Failures/*'],
        ...['s3:GetObject', 's3:PutObject', 's3:DeleteObject'].map((action) => `${action} Objects/snapshots/*`),
        ...['s3:GetObject', 's3:PutObject', 's3:DeleteObject'].map((action) => `${action} Objects/large-events/*`),
        ...['s3:GetObject', 's3:PutObject', 's3:DeleteObject'].map((action) => `${action} Objects/large-views/*`),
        ...['s3:GetObject', 's3:PutObject', 's3:DeleteObject'].map((action) => `${action} Objects/verifications/*`),
        ...['s3:GetObject', 's3:PutObject'].map((action) => `${action} Objects/log/*`),
      ]),
    );
  });

  it('let only the functions of commands and of agents write events', () => {
    expect(who('dynamodb:PutItem', 'Events')).toEqual(['command', 'mcp', 'work']);
  });

  it('let the function of agents do what commands and reads do, and no more', () => {
    expect(new Set(may('mcp'))).toEqual(new Set([...may('command'), ...may('query')]));
  });

  it('let only the functions that apply or park events write views', () => {
    expect(who('dynamodb:PutItem', 'Views')).toEqual(['operate', 'projector', 'relay', 'replay']);
  });

  it('let only the relay write the log', () => {
    expect(who('dynamodb:PutItem', 'Log')).toEqual(['relay']);
  });

  it('let only the archiver mark archived pages, in the log and nowhere else', () => {
    expect(who('dynamodb:UpdateItem', 'Log')).toEqual(['archiver']);
    const marking = all.filter(({ keys, function: name }) => keys && name === 'relay');
    expect(marking).toEqual(
      ['dynamodb:PartiQLInsert', 'dynamodb:PartiQLUpdate'].map((action) => ({
        ...{ function: 'relay', action, resource: 'Log', keys: ['*/marks/*'] },
      })),
    );
    expect(who('s3:PutObject', 'Objects/log/*')).toEqual(['archiver']);
  });

  it('let the projector write events of budgets only, and work the names of counters only', () => {
    const limited = all.filter(({ keys, function: name }) => keys && name !== 'relay');
    expect(limited).toEqual([
      { function: 'work', action: 'dynamodb:PutItem', resource: 'Views', keys: ['*/0/=names'] },
      { function: 'projector', action: 'dynamodb:PutItem', resource: 'Events', keys: ['*/budget-*'] },
    ]);
  });

  it('let replays remove views, operators and work remove control items, and no function update an item except a shared view', () => {
    expect(who('dynamodb:BatchWriteItem', 'Views')).toEqual(['replay']);
    expect(who('dynamodb:DeleteItem', 'Views')).toEqual(['replay']);
    const entries = all.filter(({ within }) => within);
    expect(entries).toEqual(
      ['operate', 'projector'].map((name) => ({
        ...{ function: name, action: 'dynamodb:DeleteItem', resource: 'Views', within: 'TransactWriteItems' },
      })),
    );
    expect(who('dynamodb:DeleteItem', 'Control')).toEqual(['operate', 'work']);
    expect(who('dynamodb:UpdateItem', 'Views')).toEqual(['operate', 'projector', 'replay']);
    expect(who('dynamodb:UpdateItem', 'Events')).toEqual([]);
    expect(who('dynamodb:Scan', 'Events')).toEqual(['verify']);
    const others = all.filter(({ action }) => !/:(BatchWrite|Delete)Item$/.test(action));
    expect(all).toHaveLength(others.length + 6);
    const actions = new Set(others.map(({ action }) => action).filter((action) => action.startsWith('dynamodb:')));
    expect(actions).toEqual(
      new Set(
        [
          'PutItem',
          'ConditionCheckItem',
          'UpdateItem',
          'GetItem',
          'BatchGetItem',
          'Query',
          'Scan',
          'PartiQLInsert',
          'PartiQLUpdate',
          'DescribeStream',
          'GetRecords',
          'GetShardIterator',
          'ListStreams',
        ].map((action) => `dynamodb:${action}`),
      ),
    );
  });

  it('are these, and no more', () => {
    const stream = ['DescribeStream', 'GetRecords', 'GetShardIterator', 'ListStreams'].map(
      (action) => `dynamodb:${action} Events/stream`,
    );
    const failures = ['s3:ListBucket Failures', 's3:PutObject Failures/*'];
    const bodies = ['s3:GetObject Objects/large-events/*'];
    const parts = 's3:GetObject Objects/large-views/*';
    const writtenParts = ['s3:DeleteObject', 's3:PutObject'].map((action) => `${action} Objects/large-views/*`);
    const archived = 's3:GetObject Objects/log/*';
    const snapshots = [...bodies, 's3:GetObject Objects/snapshots/*', 's3:ListBucket Objects'];
    expect(may('command')).toEqual([
      'dynamodb:ConditionCheckItem Events',
      'dynamodb:GetItem Events',
      'dynamodb:PutItem Events',
      'dynamodb:Query Events',
      'dynamodb:Query Events/index/byCommitId',
      ...snapshots,
      's3:PutObject Objects/large-events/*',
    ]);
    expect(may('query')).toEqual([
      'dynamodb:BatchGetItem Views',
      'dynamodb:GetItem Control',
      'dynamodb:GetItem Events',
      'dynamodb:GetItem Views',
      'dynamodb:Query Events',
      'dynamodb:Query Log',
      'dynamodb:Query Views/index/byGroup',
      'dynamodb:Query Views/index/byParked',
      'dynamodb:Query Views/index/byRank',
      ...[...snapshots, archived, parts].toSorted(),
    ]);
    expect(may('archiver')).toEqual([
      'dynamodb:GetItem Views',
      'dynamodb:Query Events',
      'dynamodb:Query Log',
      'dynamodb:UpdateItem Log',
      's3:DeleteObject Objects/large-events/*',
      's3:DeleteObject Objects/large-views/*',
      archived,
      's3:ListBucket Objects',
      's3:PutObject Objects/log/*',
    ]);
    // A scan of the events shows what the log lacks.
    const place = ['s3:DeleteObject', 's3:GetObject', 's3:PutObject'].map(
      (action) => `${action} Objects/verifications/*`,
    );
    expect(may('verify')).toEqual(
      [...may('query'), 'dynamodb:Scan Events', 'dynamodb:PutItem Control', ...place].toSorted(),
    );
    expect(may('projector')).toEqual(
      [
        'dynamodb:GetItem Control',
        'dynamodb:DeleteItem Views within TransactWriteItems',
        'dynamodb:GetItem Views',
        'dynamodb:PutItem Views',
        'dynamodb:UpdateItem Views',
        'dynamodb:Query Events',
        // Budgets.
        ...['dynamodb:GetItem Events', 'dynamodb:PutItem Events', 'dynamodb:Query Events/index/byCommitId'],
        ...['dynamodb:BatchGetItem Views', 'dynamodb:Query Views/index/byGroup'],
        ...snapshots,
        's3:DeleteObject Objects/snapshots/*',
        's3:PutObject Objects/snapshots/*',
        ...[parts, ...writtenParts],
        ...stream,
        ...failures,
      ].toSorted(),
    );
    const noted = ['BatchGetItem', 'DeleteItem', 'GetItem', 'PutItem'].map((action) => `dynamodb:${action} Control`);
    expect([...new Set(may('operate').filter((grant) => !grant.startsWith('states:StartExecution ')))]).toEqual(
      [
        ...noted,
        'dynamodb:Query Control/index/byKind',
        'dynamodb:Query Events',
        ...['GetItem', 'PutItem', 'UpdateItem'].map((action) => `dynamodb:${action} Views`),
        'dynamodb:DeleteItem Views within TransactWriteItems',
        'dynamodb:Query Views/index/byParked',
        'events:PutEvents Bus',
        ...snapshots,
        's3:DeleteObject Objects/snapshots/*',
        's3:PutObject Objects/snapshots/*',
        ...[parts, ...writtenParts],
        // Batches that were given up, through the functions that gave them up.
        ...['s3:DeleteObject Failures/*', 's3:GetObject Failures/*', 's3:ListBucket Failures'],
        ...['lambda:InvokeFunction Projector', 'lambda:InvokeFunction Relay'],
        ...['dynamodb:GetRecords Events/stream', 'dynamodb:GetShardIterator Events/stream'],
      ].toSorted(),
    );
    expect(may('replay')).toEqual([
      'dynamodb:BatchGetItem Views',
      'dynamodb:BatchWriteItem Views',
      'dynamodb:DeleteItem Views',
      'dynamodb:GetItem Control',
      'dynamodb:GetItem Views',
      'dynamodb:PutItem Control',
      'dynamodb:PutItem Views',
      'dynamodb:Query Events',
      'dynamodb:Query Log',
      'dynamodb:Query Views/index/byGroup',
      'dynamodb:Query Views/index/byRank',
      'dynamodb:UpdateItem Views',
      ...[...bodies, archived, 's3:ListBucket Objects', parts, ...writtenParts].toSorted(),
    ]);
    const log = [
      'dynamodb:PutItem Log',
      'dynamodb:Query Events',
      'dynamodb:Query Log',
      'dynamodb:BatchGetItem Log',
      'dynamodb:PartiQLInsert Log',
      'dynamodb:PartiQLUpdate Log',
      archived,
    ];
    const marks = ['dynamodb:GetItem Views', 'dynamodb:PutItem Views', 'dynamodb:Query Views/index/byParked'];
    expect(may('relay')).toEqual(
      ['events:PutEvents Bus', ...log, ...marks, ...bodies, 's3:ListBucket Objects', ...stream, ...failures].toSorted(),
    );
  });

  it('let the state machine of replays call its function and start its own executions', () => {
    const granted = everything.filter(
      ({ function: name, action }) => name === 'machine' && !/^(logs|xray):/.test(action),
    );
    expect(granted.map(({ action }) => action).toSorted()).toEqual([
      'kms:Decrypt',
      'kms:Decrypt',
      'kms:GenerateDataKey',
      'kms:GenerateDataKey',
      'kms:GenerateDataKey',
      'lambda:InvokeFunction',
      'states:DescribeExecution',
      'states:StartExecution',
      'states:StopExecution',
    ]);
    for (const { action, resource } of granted) {
      if (action === 'lambda:InvokeFunction') expect(resource).toBe('Replay');
      else if (action.startsWith('kms:')) expect(resource).toBe('ViewsKey');
      else expect(resource).toMatch(/:(stateMachine:annals-dev-replay|execution:annals-dev-replay\/\*)$/);
    }
  });

  it('use the keys through the service that keeps the data, and to encrypt only where they write', () => {
    const keyed = all.filter(({ action, forMachines }) => action.startsWith('kms:') && !forMachines);
    for (const { resource, viaService } of keyed) {
      expect(['Key', 'ViewsKey']).toContain(resource);
      expect(viaService).toMatch(/^(dynamodb|s3)\.<AWS::Region>\.<AWS::URLSuffix>$/);
    }
    expect(who('kms:Encrypt', 'Key').toSorted()).toEqual(['archiver', 'command', 'mcp', 'projector', 'relay', 'work']);
    expect(who('kms:Encrypt', 'ViewsKey').toSorted()).toEqual([
      'operate',
      'projector',
      'relay',
      'replay',
      'verify',
      'work',
    ]);
    const onViews = new Set(['archiver', 'query', 'operate', 'mcp', 'work', 'projector', 'relay', 'replay', 'verify']);
    expect(new Set(who('kms:Decrypt', 'ViewsKey'))).toEqual(onViews);
    expect(new Set(who('kms:Decrypt', 'Key'))).toEqual(new Set(functions));
  });

  it('let a function write only to its own log', () => {
    const logging = all.filter(({ action }) => action.startsWith('logs:'));
    expect(logging).toHaveLength(2 * functions.length);
    for (const grant of logging) expect(grant.resource.toLowerCase()).toBe(`${grant.function}log`);
  });
});

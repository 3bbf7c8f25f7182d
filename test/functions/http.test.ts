import { randomBytes } from 'node:crypto';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { create, toBinary } from '@bufbuild/protobuf';
import { ulid } from 'ulid';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { dynamoDb } from '../../adapters/aws/clients/clients.ts';
import { DynamoCommitStorage } from '../../adapters/aws/dynamodb/commit-storage.ts';
import { configureEventSystem } from '../../core/base/configuration.ts';
import { EventStore } from '../../core/store/event-store.ts';
import { functionNames } from '../../functions/environment.ts';
import type { Bundle } from '../../lib/shared/bundle.ts';
import { ExportTraceServiceRequestSchema } from '../../sources/otlp/messages/opentelemetry/proto/collector/trace/v1/trace_service_pb.js';
import { catalogue } from '../support/application.ts';
import { type BundledFunctions, bundledFunctions } from '../support/bundled-functions.ts';
import { apiGatewayEvent, lambdaContext } from '../support/lambda-events.ts';
import { createTables } from '../support/tables.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { xrayDaemon } from '../support/xray-daemon.ts';

const folder = temporaryFolder();
let functions: BundledFunctions;
let table: string;
beforeAll(async () => {
  const { events, views, control, log } = await createTables();
  table = events;
  const tables = { EVENTS_TABLE: events, VIEWS_TABLE: views, CONTROL_TABLE: control, LOG_TABLE: log };
  // There is no such bucket: the streams are too short to need it.
  functions = bundledFunctions(folder, {
    ...tables,
    OBJECTS_BUCKET: 'none',
    EVENT_BUS: 'none',
    REPLAY_STATE_MACHINE: 'none',
    FAILURES_BUCKET: 'none',
    PROJECTOR_FUNCTION: 'none',
    RELAY_FUNCTION: 'none',
    VERIFY_EVERY_HOURS: '24',
    SAGA_TOKENS_TABLE: 'none',
    SAGA_MACHINE_ARN_PREFIX: 'none',
    SCHEDULE_GROUP: 'none',
    SCHEDULER_ROLE_ARN: 'none',
    TIMER_QUEUE_URL: 'none',
    TIMER_QUEUE_ARN: 'none',
    TIMER_FAILURES_ARN: 'none',
  });
});

/** Loads a copy of a bundle, as a cold start does. @returns its module */
async function loadedAnew(bundle: Bundle | undefined, name = 'anew') {
  if (!bundle) throw new Error('no such bundle');
  const copy = `${bundle.directory}-${name}`;
  cpSync(bundle.directory, copy, { recursive: true });
  return import(/* @vite-ignore */ pathToFileURL(join(copy, 'index.mjs')).href);
}

const agent = (agentId: string) => ({ agentId, agentType: 'coder', configuration: {}, createdBy: 'test' });
const createAgent = (agentId: string, key = ulid()) =>
  functions.http('command', {
    method: 'POST',
    path: '/agents',
    headers: { 'Idempotency-Key': key },
    body: agent(agentId),
  });

/** Callers wait for the command function, and every 100 KB of code cost about 20 ms of its cold start. */
const MAX_COMMAND_BYTES = 600 * 1024;

describe('the bundles', () => {
  it('contain only the code that their function needs', () => {
    expect(functions.bundles['command']?.bytes).toBeLessThan(MAX_COMMAND_BYTES);
    // The first request loads the protocol.
    expect(functions.bundles['mcp']?.bytes).toBeLessThan(functions.bundles['query']?.bytes ?? 0);
    expect(functions.bundles['relay']?.bytes).toBeLessThan(functions.bundles['command']?.bytes ?? 0);
  });
});

describe('every handler', () => {
  it.each(functionNames)('of %s declares no callback, which Node 24 on Lambda refuses', async (name) => {
    expect((await functions.handler(name)).length).toBeLessThanOrEqual(2);
  });
});

describe('the command function', () => {
  it('executes a command, and answers as the API documents', async () => {
    const agentId = ulid();
    const answer = await createAgent(agentId);
    expect(answer).toMatchObject({ status: 201, body: { agentId, version: 1 } });
    expect(answer.headers).toMatchObject({ 'content-type': 'application/json', 'cache-control': 'no-store' });
    expect(answer.headers['x-correlation-id']).toMatch(/^\w{26}$/);
  });

  it('answers a repeat with the stored result', async () => {
    const [agentId, key] = [ulid(), ulid()];
    const first = await createAgent(agentId, key);
    const again = await createAgent(agentId, key);
    expect(first.status).toBe(201);
    expect(again).toMatchObject({ status: 200, body: first.body });
  });

  it('answers a conflict with the current version of the stream', async () => {
    const agentId = ulid();
    await createAgent(agentId);
    const events = [{ type: 'agent.step-recorded', data: { agentId, action: 'edit' } }];
    const body = { expectedVersion: 7, events };
    const answer = await functions.http('command', { method: 'POST', path: `/streams/agent-${agentId}/events`, body });
    expect(answer).toMatchObject({ status: 409, body: { code: 'CONCURRENCY_CONFLICT', actualVersion: 1 } });
    expect(answer.headers['content-type']).toBe('application/problem+json');
  });

  it('registers an event type, and takes its events from then on', async () => {
    const path = `/event-types/n${ulid().toLowerCase()}.written`;
    const type = path.slice('/event-types/'.length);
    const append = (text: unknown) =>
      functions.http('command', {
        method: 'POST',
        path: `/streams/note-${ulid()}/events`,
        body: { expectedVersion: 0, events: [{ type, data: { text } }] },
      });
    expect(await append('x')).toMatchObject({ status: 422 });
    const body = { aggregateType: 'note', schema: { properties: { text: { type: 'string' } } } };
    expect(await functions.http('command', { method: 'PUT', path, body })).toMatchObject({ status: 201 });
    const written = await append('x');
    expect(written).toMatchObject({ status: 201 });
    expect(await append(1)).toMatchObject({ status: 422, body: { errors: [{ path: 'events.0.data.text' }] } });
    const read = { method: 'GET' as const, path: `/streams/${written.body.streamId}/events` };
    expect((await functions.http('query', read)).body.events).toMatchObject([{ type, data: { text: 'x' } }]);
    expect((await functions.http('query', { method: 'GET', path })).body).toMatchObject({ version: 1, ...body });
  });

  it('takes telemetry in Protobuf, which the gateway hands over as base64, and in JSON that it decompressed', async () => {
    const traceId = randomBytes(16).toString('hex');
    const span = { traceId, spanId: 'a11ce00000000001', endTimeUnixNano: '1795831059390000000' };
    const attributes = [{ key: 'gen_ai.operation.name', value: { stringValue: 'chat' } }];
    const send = (path: string, body: unknown, headers: Record<string, string>) =>
      functions.http('command', { method: 'POST', path, body, headers });
    const resourceSpans = [{ scopeSpans: [{ spans: [{ ...span, attributes }] }] }];
    const asJson = await send('/v1/traces', { resourceSpans }, { 'Content-Encoding': 'gzip' });
    expect(asJson).toMatchObject({ status: 200, body: {} });
    const told = {
      name: 'execute_tool',
      traceId: Buffer.from(traceId, 'hex'),
      spanId: Buffer.from('a11ce00000000002', 'hex'),
      endTimeUnixNano: 1795831059390000000n,
      attributes: [
        { key: 'gen_ai.operation.name', value: { value: { case: 'stringValue', value: 'execute_tool' } as const } },
        { key: 'gen_ai.tool.name', value: { value: { case: 'stringValue', value: 'ls – 日本' } as const } },
      ],
    };
    const request = create(ExportTraceServiceRequestSchema, { resourceSpans: [{ scopeSpans: [{ spans: [told] }] }] });
    const bytes = toBinary(ExportTraceServiceRequestSchema, request);
    const asProtobuf = await send('/v1/traces', bytes, { 'Content-Type': 'application/x-protobuf' });
    expect(asProtobuf).toMatchObject({ status: 200, body: undefined });
    expect(asProtobuf.headers['content-type']).toBe('application/x-protobuf');
    const { body } = await functions.http('query', { method: 'GET', path: `/streams/agent-${traceId}/events` });
    const steps = body.events.filter(({ type }: { type: string }) => type === 'agent.step-recorded');
    expect(steps.map(({ data }: { data: { action: string } }) => data.action)).toEqual([
      expect.stringContaining('chat'),
      'ls – 日本',
    ]);
  });

  it('takes hooks of Claude Code', async () => {
    const hook = { session_id: 'hooked', hook_event_name: 'UserPromptSubmit', prompt: 'Begin', prompt_id: 'p1' };
    const answer = await functions.http('command', { method: 'POST', path: '/hooks/claude-code', body: hook });
    expect(answer).toMatchObject({ status: 200, body: {} });
    const { body } = await functions.http('query', { method: 'GET', path: '/streams/agent-hooked/events' });
    const types = body.events.map(({ type }: { type: string }) => type);
    expect(types).toEqual(['agent.created', 'agent.step-recorded', 'agent.state-changed']);
  });

  it.each([
    ['malformed JSON', '{', 400, 'MALFORMED_JSON'],
    ['a member twice', '{"agentId":"1","agentId":"2"}', 400, 'MALFORMED_JSON'],
    [
      'a body over the limit',
      JSON.stringify({ ...agent('1'), configuration: { text: 'x'.repeat(5 << 20) } }),
      413,
      'PAYLOAD_TOO_LARGE',
    ],
    ['an incomplete agent', { agentType: 'coder' }, 422, 'VALIDATION_FAILED'],
  ])('refuses %s', async (_, body, status, code) => {
    const answer = await functions.http('command', { method: 'POST', path: '/agents', body });
    expect(answer).toMatchObject({ status, body: { status, code } });
  });

  it('stores text of any script unchanged', async () => {
    const agentId = ulid();
    const body = { ...agent(agentId), createdBy: 'Zoë 🛰 日本' };
    await functions.http('command', { method: 'POST', path: '/agents', body });
    const stream = await functions.http('query', { method: 'GET', path: `/streams/agent-${agentId}/events` });
    expect(stream.body.events[0].data.createdBy).toBe('Zoë 🛰 日本');
  });

  it('stores the trace header of the request with its commit', async () => {
    process.env['_X_AMZN_TRACE_ID'] = 'Root=1-6724c0de-0123456789abcdef01234567;Sampled=1';
    const agentId = ulid();
    await createAgent(agentId);
    delete process.env['_X_AMZN_TRACE_ID'];
    const store = new EventStore(new DynamoCommitStorage(dynamoDb(), table), { catalogue });
    const [commit] = await Array.fromAsync(store.commits(`agent-${agentId}`));
    expect(commit?.trace).toMatch(/^Root=1-6724c0de-0123456789abcdef01234567;Parent=[\da-f]{16};Sampled=1$/);
  });

  it('sends the spans of a sampled request to the X-Ray daemon', async () => {
    const daemon = await xrayDaemon();
    process.env['AWS_XRAY_DAEMON_ADDRESS'] = daemon.address; // read at the first sampled span
    process.env['_X_AMZN_TRACE_ID'] = 'Root=1-6724c0de-0123456789abcdef76543210;Parent=53995c3f42cd8ad8;Sampled=1';
    const { handler } = await loadedAnew(functions.bundles['command']);
    await handler(apiGatewayEvent({ method: 'POST', path: '/agents', body: agent(ulid()) }), lambdaContext());
    delete process.env['_X_AMZN_TRACE_ID'];
    delete process.env['AWS_XRAY_DAEMON_ADDRESS'];
    const names = () => daemon.received.map(({ document }) => document['name']);
    await expect.poll(names).toEqual(expect.arrayContaining(['DynamoDB']));
    for (const { document } of daemon.received)
      expect(document['trace_id']).toBe('1-6724c0de-0123456789abcdef76543210');
  });

  it('does not continue the trace of the previous request', async () => {
    process.env['_X_AMZN_TRACE_ID'] = 'Root=1-6724c0de-0123456789abcdef01234567;Sampled=1';
    await createAgent(ulid());
    delete process.env['_X_AMZN_TRACE_ID'];
    const agentId = ulid();
    await createAgent(agentId);
    const store = new EventStore(new DynamoCommitStorage(dynamoDb(), table), { catalogue });
    const [commit] = await Array.fromAsync(store.commits(`agent-${agentId}`));
    expect(commit?.trace ?? '').not.toContain('6724c0de');
  });
});

describe('the count of answers with 5xx', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
  });

  /** A function with other settings as version 7, with its metrics about faults. */
  async function versionSeven(environment: Readonly<Record<string, string>>, settings = {}, name = 'command') {
    const lines: string[] = [];
    vi.spyOn(console, 'log').mockImplementation((line) => void lines.push(String(line)));
    const defaults = {
      POWERTOOLS_DEV: 'true',
      POWERTOOLS_METRICS_DISABLED: 'false',
      POWERTOOLS_METRICS_NAMESPACE: 'annals-test',
      AWS_LAMBDA_FUNCTION_VERSION: '7',
    };
    const named = { ...defaults, POWERTOOLS_SERVICE_NAME: `annals-${name}`, ...environment };
    for (const [name, value] of Object.entries(named)) vi.stubEnv(name, value);
    vi.stubEnv('ANNALS_CONFIG', JSON.stringify(configureEventSystem(settings)));
    const { handler } = await loadedAnew(functions.bundles[name], ulid());
    const create = () =>
      handler(apiGatewayEvent({ method: 'POST', path: '/agents', body: agent(ulid()) }), lambdaContext());
    const faults = () => lines.flatMap((line) => (line.includes('answered_faults_total') ? [JSON.parse(line)] : []));
    return { handler, create, faults };
  }

  it('rises immediately, for the version of the function', async () => {
    const { create, faults } = await versionSeven({ EVENTS_TABLE: 'no-such-table' });
    for (let n = 1; n <= 2; n++) {
      expect(await create()).toMatchObject({ statusCode: 503 });
      expect(faults()).toHaveLength(n);
    }
    expect(faults()[0]).toMatchObject({ service: 'annals-command', version: '7', answered_faults_total: 1 });
    const [{ Namespace, Dimensions }] = faults()[0]._aws.CloudWatchMetrics;
    expect(Namespace).toBe('annals-test');
    expect(Dimensions).toContainEqual(['service', 'version']);
  });

  it('is counted also when metrics are disabled', async () => {
    const off = { event_system: { monitoring: { metrics_enabled: false } } };
    const { create, faults } = await versionSeven({ EVENTS_TABLE: 'no-such-table' }, off);
    expect(await create()).toMatchObject({ statusCode: 503 });
    expect(faults()).toHaveLength(1);
  });

  it('is not counted when a view is behind: otherwise any caller could roll back a deployment', async () => {
    const { handler, faults } = await versionSeven({}, {}, 'query');
    const wait = apiGatewayEvent({ method: 'GET', path: '/agents/nobody?waitFor=9' });
    expect(await handler(wait, lambdaContext())).toMatchObject({ statusCode: 504 });
    expect(faults()).toEqual([]);
  });

  it('excludes answers with 2xx and 4xx', async () => {
    const { create, handler, faults } = await versionSeven({});
    expect(await create()).toMatchObject({ statusCode: 201 });
    const refused = apiGatewayEvent({ method: 'POST', path: '/agents', body: '{' });
    expect(await handler(refused, lambdaContext())).toMatchObject({ statusCode: 400 });
    const unknown = apiGatewayEvent({ method: 'GET', path: '/nowhere' });
    expect(await handler(unknown, lambdaContext())).toMatchObject({ statusCode: 404 });
    expect(faults()).toEqual([]);
  });
});

describe('the query function', () => {
  it('reads pages of a stream, with the query string as API Gateway parsed it', async () => {
    const agentId = ulid();
    await createAgent(agentId);
    const events = Array.from({ length: 3 }, (_, step) => ({
      type: 'agent.step-recorded',
      data: { agentId, action: `step ${step}` },
    }));
    const path = `/streams/agent-${agentId}/events`;
    await functions.http('command', { method: 'POST', path, body: { expectedVersion: 1, events } });
    const page = await functions.http('query', { method: 'GET', path: `${path}?limit=2&direction=backward` });
    expect(page.status).toBe(200);
    expect(page.body.events.map((event: { sequenceNumber: number }) => event.sequenceNumber)).toEqual([4, 3]);
    const rest = await functions.http('query', {
      method: 'GET',
      path: `${path}?cursor=${encodeURIComponent(page.body.next)}&limit=2&direction=backward`,
    });
    expect(rest.body.events.map((event: { sequenceNumber: number }) => event.sequenceNumber)).toEqual([2, 1]);
  });

  it('goes by the time at which events happened, and compares two agents', async () => {
    const ids = [ulid(), ulid()] as const;
    for (const [index, agentId] of ids.entries()) {
      const event = (hour: number, type: string, data: object) => {
        return { type, timestamp: `2020-02-02T0${hour}:00:00Z`, data: { agentId, ...data } };
      };
      const events = [
        event(1, 'agent.created', { agentType: 'coder', configuration: {}, createdBy: 'test' }),
        ...Array.from({ length: index }, () => event(4, 'agent.step-recorded', { action: 'look' })),
        event(5, 'agent.step-recorded', { action: 'late', durationMs: index }),
        event(3, 'agent.step-recorded', { action: 'early', durationMs: index }),
      ];
      const path = `/streams/agent-${agentId}/events`;
      await functions.http('command', { method: 'POST', path, body: { expectedVersion: 0, events } });
    }
    const [left, right] = ids;
    const at = (query: string) => functions.http('query', { method: 'GET', path: `/agents/${left}?${query}` });
    const time = 'at=2020-02-02T04:00:00Z';
    expect(await at(time)).toMatchObject({ status: 200, body: { version: 3, steps: 1, lastAction: 'early' } });
    expect(await at(`${time}&clock=recorded`)).toMatchObject({ status: 404 });
    const diff = await functions.http('query', { method: 'GET', path: `/agents/${left}/diff?with=${right}` });
    expect(diff).toMatchObject({ status: 200, body: { equal: false, counts: { same: 3, added: 1, changed: 0 } } });
    expect(diff.body.steps).toMatchObject([{ step: 2, kind: 'added', action: 'look', left: null }]);
  });

  it('answers with a problem when the view does not exist', async () => {
    const answer = await functions.http('query', { method: 'GET', path: '/agents/nobody' });
    expect(answer).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
  });

  it('answers with its health and the OpenAPI document', async () => {
    const health = await functions.http('query', { method: 'GET', path: '/health' });
    expect(health).toMatchObject({ status: 200, body: { status: 'ok', checks: { events: 'ok', views: 'ok' } } });
    const document = await functions.http('query', { method: 'GET', path: '/openapi.json' });
    expect(Object.keys(document.body.paths)).toEqual(expect.arrayContaining(['/agents', '/streams/{streamId}/events']));
  });
});

describe('the function of agents', () => {
  const rpc = async (method: string, params: Record<string, unknown>, headers: Record<string, string> = {}) => {
    const body = { jsonrpc: '2.0', id: 1, method, params };
    const accept = { Accept: 'application/json, text/event-stream', 'Content-Type': 'application/json' };
    return functions.http('mcp', { method: 'POST', path: '/mcp', headers: { ...accept, ...headers }, body });
  };
  const call = async (name: string, given: Record<string, unknown>) => {
    const _meta = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': {},
    };
    const headers = { 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/call', 'Mcp-Name': name };
    const { status, body } = await rpc('tools/call', { name, arguments: given, _meta }, headers);
    const [{ text }] = body.result.content;
    return { status, isError: body.result.isError ?? false, text };
  };

  it('writes and reads by tools, and answers problems as errors', async () => {
    const agentId = ulid();
    const created = await call('create_agent', agent(agentId));
    expect({ ...created, text: JSON.parse(created.text) }).toEqual({
      status: 200,
      isError: false,
      text: { agentId, version: 1 },
    });
    await call('record_step', { agentId, action: 'look' });
    expect(JSON.parse((await call('get_agent', { agentId, version: 2 })).text)).toMatchObject({ steps: 1 });
    const { text } = await call('read_history', { streamId: `agent-${agentId}`, limit: 1 });
    expect(JSON.parse(text)).toMatchObject({ version: 2, events: [{ type: 'agent.created' }] });
    expect(await call('get_task', { taskId: agentId })).toMatchObject({
      isError: true,
      text: expect.stringContaining('NOT_FOUND'),
    });
  });

  it('answers what is no request of the protocol with a problem of JSON-RPC', async () => {
    const { status, body } = await rpc('tools/guess', {}, { 'MCP-Protocol-Version': '1999-01-01' });
    expect(status).toBe(400);
    expect(body).toMatchObject({ error: { code: expect.any(Number) } });
  });
});

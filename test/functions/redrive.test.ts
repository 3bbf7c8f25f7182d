import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { DescribeStreamCommand, DynamoDBStreamsClient, ListStreamsCommand } from '@aws-sdk/client-dynamodb-streams';
import type { DynamoDBRecord } from 'aws-lambda';
import { ulid } from 'ulid';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { bucketObjects } from '../../adapters/aws/s3/bucket.ts';
import { type BundledFunctions, bundledFunctions } from '../support/bundled-functions.ts';
import { eventBridgeRecorder } from '../support/event-bridge.ts';
import { failedBatchRecord } from '../support/failed-batch-record.ts';
import { streamEventOf } from '../support/lambda-events.ts';
import { startS3StandIn } from '../support/s3-stand-in.ts';
import { createTables } from '../support/tables.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const eventBridge = await eventBridgeRecorder();
const s3 = await startS3StandIn();
const names: Record<string, 'projector' | 'relay'> = { 'stage-Projector': 'projector', 'stage-Relay': 'relay' };
let functions: BundledFunctions;
let table: string;

/** The part of Lambda that invokes functions: it runs the bundles. */
const lambda = createServer(async (request, response) => {
  const name = names[decodeURIComponent(/functions\/([^/]+)\/invocations/.exec(request.url ?? '')?.[1] ?? '')];
  if (!name) return void response.writeHead(404, { 'x-amzn-errortype': 'ResourceNotFoundException' }).end('{}');
  try {
    response.end(JSON.stringify(await functions.stream(name, JSON.parse(await text(request)))));
  } catch (error) {
    response.setHeader('X-Amz-Function-Error', 'Unhandled');
    response.end(JSON.stringify({ errorMessage: String(error) }));
  }
}).listen(0, '127.0.0.1');
await once(lambda, 'listening');
afterAll(() => {
  lambda.close();
  s3.close();
});

beforeAll(async () => {
  const { events, views, control, log } = await createTables();
  table = events;
  functions = bundledFunctions(folder, {
    ...{ EVENTS_TABLE: events, VIEWS_TABLE: views, CONTROL_TABLE: control, LOG_TABLE: log, OBJECTS_BUCKET: 'none' },
    ...{ EVENT_BUS: 'annals-test', REPLAY_STATE_MACHINE: 'none' },
    ...{ FAILURES_BUCKET: 'objects', PROJECTOR_FUNCTION: 'stage-Projector', RELAY_FUNCTION: 'stage-Relay' },
    AWS_ENDPOINT_URL_EVENTBRIDGE: eventBridge.url,
    AWS_ENDPOINT_URL_S3: s3.endpoint,
    AWS_ENDPOINT_URL_LAMBDA: `http://127.0.0.1:${(lambda.address() as AddressInfo).port}`,
    AWS_ENDPOINT_URL_DYNAMODB_STREAMS: process.env['AWS_ENDPOINT_URL_DYNAMODB'] ?? '',
  });
});
afterEach(() => void vi.useRealTimers());
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] });
  eventBridge.entries.length = 0;
  eventBridge.control.denies = undefined;
});

const failures = bucketObjects('objects');
const redrive = () => functions.http('operate', { method: 'POST', path: '/failed-batches/redrive' });
const viewOf = (agentId: string) => functions.http('query', { method: 'GET', path: `/agents/${agentId}` });

/** An agent whose commits no consumer has seen. @returns its id and its stream records */
async function agent(): Promise<{ agentId: string; records: DynamoDBRecord[] }> {
  const agentId = ulid();
  const body = { agentId, agentType: 'coder', configuration: {}, createdBy: 'test' };
  await functions.http('command', { method: 'POST', path: '/agents', body });
  const { Records } = await streamEventOf(table);
  const stream = `main/agent-${agentId}`;
  return { agentId, records: Records.filter(({ dynamodb }) => dynamodb?.Keys?.['stream']?.S === stream) };
}

/** Gives up a batch as Lambda does after its last retry. */
async function giveUp(name: string, records: readonly DynamoDBRecord[], form = {}): Promise<void> {
  const functionArn = `arn:aws:lambda:eu-central-1:123456789012:function:${name}`;
  const key = `aws/lambda/7c4b3a51/shardId-0001/2026/11/28/2026-11-28T10.00.00-${ulid()}`;
  await failures.put(key, failedBatchRecord(records, { functionArn, ...form }));
}

/** The ARN of the stream of the events table. */
async function shard() {
  const client = new DynamoDBStreamsClient({ endpoint: process.env['AWS_ENDPOINT_URL_DYNAMODB'] ?? '' });
  const { Streams } = await client.send(new ListStreamsCommand({ TableName: table }));
  const streamArn = Streams?.[0]?.StreamArn ?? '';
  const { StreamDescription } = await client.send(new DescribeStreamCommand({ StreamArn: streamArn }));
  return { streamArn, shardId: StreamDescription?.Shards?.[0]?.ShardId ?? '' };
}

describe('a failed batch', () => {
  it('is listed, updates views when it is redriven, and is removed', async () => {
    const { agentId, records } = await agent();
    await giveUp('stage-Projector', records);
    const listed = await functions.http('operate', { method: 'GET', path: '/failed-batches' });
    expect(listed.body.failedBatches).toHaveLength(1);
    expect((await viewOf(agentId)).status).toBe(404);
    const { batchId } = listed.body.failedBatches[0];
    const answer = await functions.http('operate', { method: 'POST', path: `/failed-batches/${batchId}/redrive` });
    expect(answer).toMatchObject({ status: 200, body: { outcome: 'redriven', consumers: ['projector'], records: 1 } });
    expect((await viewOf(agentId)).body).toMatchObject({ agentId, version: 1 });
    expect((await functions.http('operate', { method: 'GET', path: '/failed-batches' })).body.failedBatches).toEqual(
      [],
    );
  });

  it('is logged once and published by the relay, however often it is redriven', async () => {
    const { agentId, records } = await agent();
    for (let time = 1; time <= 2; time++) {
      await giveUp('stage-Relay', records);
      expect((await redrive()).body).toMatchObject({ results: [{ outcome: 'redriven' }], more: false });
    }
    expect(new Set(eventBridge.entries.map(({ Detail }) => JSON.parse(Detail).id)).size).toBe(1);
    const log = await functions.http('query', { method: 'GET', path: '/events?limit=1000' });
    const logged = log.body.events.filter((event: { aggregateId: string }) => event.aggregateId === agentId);
    expect(logged).toHaveLength(1);
  });

  it('is redriven once under a key; a repeat gets the same answer, and another request is refused', async () => {
    const { records } = await agent();
    await giveUp('stage-Projector', records);
    const [key, path] = [{ 'Idempotency-Key': ulid() }, '/failed-batches/redrive'];
    const first = await functions.http('operate', { method: 'POST', path, headers: key });
    expect(first.body).toMatchObject({ results: [{ outcome: 'redriven' }], more: false });
    const again = await functions.http('operate', { method: 'POST', path, headers: key });
    expect(again.body).toEqual(first.body);
    const other = await functions.http('operate', { method: 'POST', path: '/verifications', headers: key });
    expect(other).toMatchObject({ status: 422, body: { code: 'IDEMPOTENCY_KEY_REUSED' } });
  });

  it('stays while the bus refuses its events, and is removed when the bus accepts them', async () => {
    const { agentId, records } = await agent();
    await giveUp('stage-Relay', records);
    eventBridge.control.denies = 'AccessDeniedException';
    expect((await redrive()).body).toMatchObject({ results: [{ outcome: 'failed', consumers: ['relay'] }] });
    eventBridge.control.denies = undefined;
    vi.setSystemTime(Date.now() + 11_000); // the circuit breaker stays open for 10 s
    expect((await redrive()).body).toMatchObject({ results: [{ outcome: 'redriven' }] });
    expect(eventBridge.entries.map(({ Detail }) => JSON.parse(Detail).aggregateId)).toEqual([agentId]);
  });

  it('is read from the stream when its record has no payload', async () => {
    const { agentId, records } = await agent();
    await giveUp('stage-Projector', records, { withoutPayload: true, shard: await shard() });
    expect((await redrive()).body).toMatchObject({ results: [{ outcome: 'redriven', records: 1 }] });
    expect((await viewOf(agentId)).body).toMatchObject({ agentId, version: 1 });
  });

  it('stays with a reason when the stream no longer has its records', async () => {
    const { records } = await agent();
    const gone = { ...(await shard()), shardId: 'shardId-00000001573689847184-00000000' };
    await giveUp('stage-Projector', records, { withoutPayload: true, shard: gone });
    const { body } = await redrive();
    expect(body).toMatchObject({ results: [{ outcome: 'failed', reason: expect.stringContaining('24 hours') }] });
    const id = body.results[0].batchId.replaceAll('~', '/');
    expect(await failures.get(id)).toBeDefined();
    await failures.delete(id);
  });
});

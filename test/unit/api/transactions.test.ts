import { ulid } from 'ulid';
import { expect, it, vi } from 'vitest';
import * as z from 'zod';
import { createApp } from '../../../api/http/app.ts';
import { tagQueries } from '../../../api/streams/tag-queries.ts';
import { transactionCommands } from '../../../api/streams/transaction-commands.ts';
import { createClient } from '../../../client/client.ts';
import { catalogueOf } from '../../../core/events/catalogue.ts';
import { defineEvent } from '../../../core/events/define.ts';
import { EventStore } from '../../../core/store/event-store.ts';
import { MemoryCommitStorage } from '../../../testing/memory/commit-storage.ts';
import { servedApi } from '../../support/served-api.ts';

const { post, get, commits, url } = servedApi();

const created = (agentId: string) => ({
  type: 'agent.created',
  data: { agentId, agentType: 'coder', configuration: {}, createdBy: 'me' },
});
const step = (agentId: string, action = 'ls') => ({ type: 'agent.step-recorded', data: { agentId, action } });
const requested = (taskId: string, agentId: string) => ({
  type: 'task.requested',
  data: { taskId, requiredAgents: [agentId], payload: {}, deadlineSeconds: 60 },
});
const append = (streamId: string, expectedVersion: number | 'any' | 'exists', ...events: object[]) => ({
  streamId,
  expectedVersion,
  events,
});

it('appends to several streams, and each event shows the transaction: in its stream and in the log', async () => {
  const [agentId, taskId] = [ulid(), ulid()];
  const appends = [
    append(`agent-${agentId}`, 0, created(agentId), step(agentId)),
    append(`task-${taskId}`, 0, requested(taskId, agentId)),
  ];
  const before = commits();
  const { status, body } = await post('/transactions', { appends });
  expect(status).toBe(201);
  expect(body.results).toMatchObject([
    { streamId: `agent-${agentId}`, fromVersion: 1, toVersion: 2 },
    { streamId: `task-${taskId}`, fromVersion: 1, toVersion: 1 },
  ]);
  expect(commits()).toBe(before + 2);
  const metadata = { transaction: { id: body.transactionId, size: 2 } };
  const stream = await get(`/streams/agent-${agentId}/events`);
  expect(stream.body.events).toMatchObject([{ metadata }, { metadata }]);
  await vi.waitFor(async () => {
    const log = await get(`/events?aggregateId=${taskId}&type=task.requested`);
    expect(log.body.events).toMatchObject([{ metadata }]);
  });
  await vi.waitFor(async () => expect((await get(`/agents/${agentId}`)).body).toMatchObject({ steps: 1 }));
});

it('an event that its aggregate does not admit refuses all appends, and the problem names it', async () => {
  const [a, b] = [ulid(), ulid()];
  const appends = [append(`agent-${a}`, 0, created(a)), append(`agent-${b}`, 'any', step(b))];
  const { status, body } = await post('/transactions', { appends });
  expect(status).toBe(409);
  expect(body).toMatchObject({
    code: 'NOT_ADMITTED',
    detail: expect.stringContaining(`appends.1, agent-${b}: events.0`),
  });
  expect((await get(`/streams/agent-${a}/events`)).status).toBe(404);
});

it('types that only Annals writes, and faults of events, are refused as in an append', async () => {
  const a = ulid();
  const internal = { type: 'saga.parked', data: {} };
  const reserved = { type: 'eventtype.registered', data: { type: 'x.y', version: 1, schema: {}, aggregateType: 'x' } };
  const wrong = await post('/transactions', {
    appends: [append(`agent-${a}`, 0, created(a)), append(`saga-${a}`, 0, internal)],
  });
  expect(wrong.body).toMatchObject({ code: 'VALIDATION_FAILED' });
  expect(wrong.body.errors[0].path).toMatch(/^appends\.1\.events\.0/);
  const { body } = await post('/transactions', { appends: [append('eventtype-x.y', 0, reserved)] });
  expect(['RESERVED_TYPE', 'VALIDATION_FAILED']).toContain(body.code);
});

it('names every stream that is not as expected', async () => {
  const [a, b, c] = [ulid(), ulid(), ulid()];
  await post('/transactions', { appends: [a, b].map((id) => append(`agent-${id}`, 0, created(id))) });
  const appends = [
    append(`agent-${a}`, 2, step(a)),
    append(`agent-${b}`, 0, created(b)),
    append(`agent-${c}`, 0, created(c)),
  ];
  const moved = await post('/transactions', { appends });
  expect(moved.status).toBe(409);
  expect(moved.body).toMatchObject({
    code: 'CONCURRENCY_CONFLICT',
    conflicts: [{ streamId: `agent-${a}`, expectedVersion: 2, actualVersion: 1 }],
  });
  const checks = [{ streamId: `agent-${b}`, version: 3 }];
  const checked = await post('/transactions', { appends: [append(`agent-${c}`, 0, created(c))], checks });
  expect(checked.body).toMatchObject({ conflicts: [{ streamId: `agent-${b}`, expectedVersion: 3, actualVersion: 1 }] });
});

it('a repeat gets the first answer; the key with another body is refused', async () => {
  const [a, b] = [ulid(), ulid()];
  const body = { appends: [append(`agent-${a}`, 0, created(a)), append(`agent-${b}`, 'any', created(b))] };
  const key = { 'idempotency-key': ulid() };
  const first = await post('/transactions', body, key);
  expect(first.status).toBe(201);
  await post('/transactions', { appends: [append(`agent-${a}`, 1, step(a))] });
  const again = await post('/transactions', body, key);
  expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([200, 'true']);
  expect(again.body).toEqual(first.body);
  const c = ulid();
  const other = await post('/transactions', { appends: [append(`agent-${c}`, 0, created(c))] }, key);
  expect([other.status, other.body.code]).toEqual([422, 'IDEMPOTENCY_KEY_REUSED']);
  const alone = await post(`/streams/agent-${c}/events`, { expectedVersion: 0, events: [created(c)] }, key);
  expect([alone.status, alone.body.code]).toEqual([422, 'IDEMPOTENCY_KEY_REUSED']);
});

it('the client writes transactions', async () => {
  const [a, b] = [ulid(), ulid()];
  const client = createClient({ url: url() });
  const data = { agentType: 'coder', configuration: {}, createdBy: 'me' };
  const appends = [a, b].map((agentId) => ({
    streamId: `agent-${agentId}`,
    expectedVersion: 0,
    events: [{ type: 'agent.created' as const, data: { ...data, agentId } }],
  }));
  expect(await client.transact({ appends })).toMatchObject({
    results: [{ toVersion: 1 }, { toVersion: 1 }],
    repeated: false,
  });
  await expect(client.transact({ appends })).rejects.toMatchObject({ code: 'CONCURRENCY_CONFLICT' });
  expect(await client.readTag('nothing')).toMatchObject({ version: 0, events: [], caughtUp: true });
});

it('reads a tag, and appends while no further event has it', async () => {
  const taken = defineEvent({
    type: 'seat.taken',
    kind: 'domain',
    access: 'open',
    version: 1,
    aggregateType: 'seat',
    description: 'A student takes a seat in a course',
    data: z.strictObject({ course: z.string() }),
    sensitive: [],
    tags: ({ course }) => [`course:${course}`],
  });
  const catalogue = catalogueOf([taken]);
  const store = new EventStore(new MemoryCommitStorage(), { catalogue });
  const app = createApp([...transactionCommands, ...tagQueries(catalogue)], { store, aggregates: [] });
  const take = (seat: number, after: number) => {
    const appends = [append(`seat-${seat}`, 0, { type: 'seat.taken', data: { course: 'c1' } })];
    const body = JSON.stringify({ appends, conditions: [{ tag: 'course:c1', after }] });
    return app.request('/transactions', { method: 'POST', body, headers: { 'content-type': 'application/json' } });
  };
  const read = async (query: string) => (await app.request(`/tags/course:c1/events${query}`)).json();
  expect((await take(1, 0)).status).toBe(201);
  expect((await take(2, 1)).status).toBe(201);
  const late = await take(3, 1);
  expect(late.status).toBe(409);
  expect(await late.json()).toMatchObject({ conflicts: [{ tag: 'course:c1', expectedVersion: 1, actualVersion: 2 }] });
  expect(await read('?limit=1')).toMatchObject({ version: 1, events: [{ aggregateId: '1' }], caughtUp: false });
  expect(await read('?after=1')).toMatchObject({ version: 2, events: [{ aggregateId: '2' }], caughtUp: true });
  expect(await read('?after=2')).toMatchObject({ version: 2, events: [], caughtUp: true });
});

import { ulid } from 'ulid';
import { describe, expect, it } from 'vitest';
import { servedApi } from '../../support/served-api.ts';

const { call, post, get, commits } = servedApi();

const agent = (agentId?: string) => ({
  ...(agentId ? { agentId } : {}),
  agentType: 'coder',
  configuration: { a: 1, b: [1, 2] },
  createdBy: 'me',
});
const task = (taskId: string) => ({ taskId, requiredAgents: ['a', 'b'], payload: {}, deadlineSeconds: 600 });
const completion = (agentId: string) => ({ agentId, result: 1, duration: 1, resources: {} });
const keyed = (key = ulid()) => ({ 'idempotency-key': key });

const expectReused = (reply: { status: number; body: { code: string } }) =>
  expect([reply.status, reply.body.code]).toEqual([422, 'IDEMPOTENCY_KEY_REUSED']);

describe('an idempotency key', () => {
  it('belongs to one request: a second request under the key is refused, not lost', async () => {
    const [id, key] = [ulid(), keyed()];
    await post('/tasks', task(id));
    const first = await post(`/tasks/${id}/completions`, completion('a'), key);
    expect(first.status).toBe(201);
    expectReused(await post(`/tasks/${id}/completions`, completion('b'), key));
    expectReused(await post(`/tasks/${id}/failures`, { agentId: 'a', error: 'no' }, key));
    const again = await post(`/tasks/${id}/completions`, completion('a'), key);
    expect([again.status, again.body]).toEqual([200, first.body]);
    expect((await post(`/tasks/${id}/completions`, completion('b'), keyed())).status).toBe(201);
  });

  it('is refused for other streams, too, and nothing is written', async () => {
    const [agentA, agentB, key] = [ulid(), ulid(), keyed()];
    await post('/agents', agent(agentA));
    await post('/agents', agent(agentB));
    expect((await post(`/agents/${agentA}/steps`, { action: 'ls' }, key)).status).toBe(201);
    const before = commits();
    expectReused(await post(`/agents/${agentB}/steps`, { action: 'ls' }, key));
    expectReused(await post('/agents', agent(ulid()), key));
    expectReused(await post('/agents', agent(), key));
    expectReused(await post(`/agents/${agentA}/state`, { newState: 'idle', reason: '' }, key));
    expectReused(await post(`/agents/${agentB}/state`, { newState: 'created', reason: '' }, key));
    expectReused(
      await post(
        `/streams/agent-${agentA}/events`,
        { expectedVersion: 'any', events: [{ type: 'agent.step-recorded', data: { agentId: agentA, action: 'ls' } }] },
        key,
      ),
    );
    expect(commits()).toBe(before);
  });

  it('repeats the id that the server made, and refuses another body', async () => {
    const key = keyed();
    const first = await post('/agents', agent(), key);
    const again = await post('/agents', agent(), key);
    expect([first.status, again.status, again.body]).toEqual([201, 200, first.body]);
    expectReused(await post('/agents', { ...agent(), agentType: 'other' }, key));
    const { agentId } = first.body;
    const fork = await post(`/agents/${agentId}/forks`, { atVersion: 1 }, key);
    expectReused(fork);
  });

  it('ignores the order of members, blanks and the notation of numbers', async () => {
    const [id, key] = [ulid(), keyed()];
    await post('/agents', agent(id), key);
    const raw = `{ "createdBy":"me", "configuration": {"b":[1.0, 2],"a":1e0},"agentType":"coder","agentId":"${id}" }`;
    const again = await call('POST', '/agents', { raw, headers: { ...key, 'content-type': 'application/json' } });
    expect(again.status).toBe(200);
  });

  it('repeats the answer of a command that changed nothing, also after later changes', async () => {
    const [id, key] = [ulid(), keyed()];
    await post('/agents', agent(id));
    const idle = { newState: 'idle', reason: 'rest' };
    await post(`/agents/${id}/state`, idle);
    const before = commits();
    const first = await post(`/agents/${id}/state`, idle, key);
    expect([first.status, first.headers.get('idempotent-replayed')]).toEqual([200, null]);
    await post(`/agents/${id}/state`, { newState: 'running', reason: 'work' });
    const again = await post(`/agents/${id}/state`, idle, key);
    expect(again.body).toEqual(first.body);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(commits()).toBe(before + 1);
    expect((await get(`/agents/${id}?waitFor=3`)).body.state).toBe('running');
    expectReused(await post(`/agents/${id}/state`, { ...idle, reason: 'another' }, key));
    const other = ulid();
    await post('/agents', agent(other));
    expectReused(await post(`/agents/${other}/steps`, { action: 'ls' }, key));
    expectReused(await post(`/agents/${id}/steps`, { action: 'ls' }, key));
  });
});

describe('the id of an event', () => {
  it('is unique in its stream: a second event gets 409 with the place of the first', async () => {
    const id = ulid();
    const event = (text: string) => ({
      id: 'e-1',
      type: 'external-service.response',
      data: { serviceId: id, requestId: 'r', response: text, latency: 1, success: true },
    });
    const append = (text: string, key = {}) =>
      post(`/streams/service-${id}/events`, { expectedVersion: 'any', events: [event(text)] }, key);
    const key = keyed();
    const first = await append('one', key);
    for (const text of ['two', 'one']) {
      const second = await append(text);
      expect([second.status, second.body.code]).toEqual([409, 'EVENT_ID_TAKEN']);
      expect(second.body.detail).toContain('e-1 at sequence number 1');
    }
    const again = await append('one', key);
    expect([again.status, again.body]).toEqual([200, first.body]);
    expect((await get(`/streams/service-${id}/events`)).body.version).toBe(1);
  });
});

import { beforeAll, describe, expect, it, vi } from 'vitest';
import { servedApi } from '../../support/served-api.ts';

const { get, post, call } = servedApi();

const rebuild = (key?: string) =>
  call('POST', '/projections/agent-status/rebuilds', key ? { headers: { 'idempotency-key': key } } : {});
const until = (replayId: string, state: string) =>
  vi.waitFor(
    async () => {
      const { body } = await get(`/replays/${replayId}`);
      expect(body).toMatchObject({ state });
      return body;
    },
    { timeout: 10_000, interval: 10 },
  );
const liveGeneration = async () => {
  const { body } = await get('/projections');
  return body.projections.find(({ name }: { name: string }) => name === 'agent-status').generation;
};

beforeAll(async () => {
  for (const agentId of ['r1', 'r2']) {
    await post('/agents', { agentId, agentType: 'coder', configuration: {}, createdBy: 'me' });
    await post(`/agents/${agentId}/steps`, { action: 'edit', usage: { tokens: 5 } });
  }
  await get('/agents/r2?waitFor=2');
});

describe('a rebuild', () => {
  it('is requested, shows its progress, and becomes the live view', async () => {
    const before = (await get('/agents/r1')).body;
    const { status, body } = await rebuild('rebuild-1');
    expect(status).toBe(202);
    expect((await rebuild('rebuild-1')).body).toEqual(body);
    await until(body.rebuildId, 'switched');
    const shown = await get(`/projections/agent-status/rebuilds/${body.rebuildId}`);
    expect(shown.body).toMatchObject({
      projection: 'agent-status',
      whole: true,
      generation: 2,
      progress: 1,
      failed: 0,
    });
    expect(await liveGeneration()).toBe(2);
    expect((await get('/agents/r1')).body).toEqual(before);
    expect((await get('/agents')).body.agents).toHaveLength(2);
  });

  it('is refused for an unknown projection, and is found only under its projection', async () => {
    expect((await call('POST', '/projections/nope/rebuilds')).status).toBe(404);
    const { body } = await rebuild('rebuild-1');
    expect((await get(`/projections/task-status/rebuilds/${body.rebuildId}`)).status).toBe(404);
    expect((await get('/replays/nope')).status).toBe(404);
  });
});

describe('a replay', () => {
  it('of a part can be read by its generation, blocks other replays, and can be discarded', async () => {
    const { status, body } = await post('/replays', { projection: 'agent-status', types: ['agent.created'] });
    expect(status).toBe(202);
    const ready = await until(body.replayId, 'ready');
    expect(ready).toMatchObject({ whole: false, scope: { types: ['agent.created'], to: expect.any(String) } });
    const part = await get(`/projections/agent-status/r1?generation=${ready.generation}`);
    expect(part.body).toMatchObject({ agentType: 'coder', steps: 0 });
    expect((await get('/projections/agent-status/r1')).body).toMatchObject({ steps: 1 });

    const second = await rebuild();
    expect(second).toMatchObject({ status: 409, body: { code: 'COMMAND_REJECTED' } });
    expect(second.body.detail).toContain(body.replayId);
    const hasty = await post(`/replays/${body.replayId}/switch`, {});
    expect(hasty).toMatchObject({ status: 409, body: { detail: expect.stringContaining('acceptPart') } });

    expect((await call('POST', `/replays/${body.replayId}/discard`)).body).toMatchObject({ state: 'discarded' });
    await vi.waitFor(async () => {
      expect((await get(`/projections/agent-status/r1?generation=${ready.generation}`)).status).toBe(404);
    });
    expect((await get('/projections/agent-status/r1')).status).toBe(200);
  });

  it('of all events includes live events, and becomes live on request', async () => {
    const { body } = await post('/replays', { projection: 'agent-status' });
    const { generation } = await until(body.replayId, 'ready');
    expect(await liveGeneration()).toBeLessThan(generation);
    await post('/agents/r1/steps', { action: 'late' });
    await get('/agents/r1?waitFor=3');
    expect((await post(`/replays/${body.replayId}/switch`, {})).body).toMatchObject({ state: 'switched' });
    expect(await liveGeneration()).toBe(generation);
    expect((await get('/agents/r1')).body).toMatchObject({ steps: 2, lastAction: 'late' });
    expect((await call('POST', `/replays/${body.replayId}/pause`)).status).toBe(409);
  });

  it('is refused under the key of another request, and the first request keeps its answer', async () => {
    const key = { 'idempotency-key': 'replay-key' };
    const part = { projection: 'agent-status', types: ['agent.created'] };
    const first = await post('/replays', part, key);
    expect(first.status).toBe(202);
    const others = [
      post('/replays', { projection: 'agent-status' }, key),
      post('/replays', { ...part, projection: 'task-status' }, key),
      post('/replays', { ...part, from: '2026-01-01T00:00:00Z' }, key),
      rebuild('replay-key'),
    ];
    for (const { status, body } of await Promise.all(others)) {
      expect([status, body.code]).toEqual([422, 'IDEMPOTENCY_KEY_REUSED']);
    }
    expect(await post('/replays', part, key)).toMatchObject({ status: 202, body: first.body });
    await until(first.body.replayId, 'ready');
    await call('POST', `/replays/${first.body.replayId}/discard`);
    expect((await post('/replays', { projection: 'agent-status' }, { 'idempotency-key': 'rebuild-1' })).status).toBe(
      422,
    );
  });

  it('is listed, page by page', async () => {
    const all = (await get('/replays')).body.replays;
    expect(all.length).toBeGreaterThan(2);
    const first = (await get('/replays?limit=1')).body;
    const second = (await get(`/replays?limit=1&cursor=${first.next}`)).body;
    expect([...first.replays, ...second.replays]).toEqual(all.slice(0, 2));
  });

  it('of unknown types, times or projections is refused, and the answer names the fault', async () => {
    const unknown = await post('/replays', { projection: 'agent-status', types: ['agent.created', 'agent.nope'] });
    expect(unknown).toMatchObject({ status: 422, body: { errors: [{ path: 'types.1' }] } });
    expect((await post('/replays', { projection: 'agent-status', from: 'yesterday' })).status).toBe(422);
    expect((await post('/replays', { projection: 'nope' })).status).toBe(404);
  });
});

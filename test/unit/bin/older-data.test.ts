import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openVerification } from '../../../adapters/embedded/offline/verification.ts';
import { type Server, startServer } from '../../../bin/serve/server.ts';
import { createClient } from '../../../client/client.ts';
import agents from '../../../domain/application.ts';
import { catalogue } from '../../support/application.ts';
import { type OlderEvent, olderCommit, storeOlder } from '../../support/older-data.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const { projections } = agents;

const LATE = '+010000-01-01T04:59:59.000Z';
const EARLY = '-000001-12-31T23:00:00.000Z';

const created = (agentId: string, timestamp?: string): OlderEvent => ({
  ...{ type: 'agent.created', version: 2, ...(timestamp ? { timestamp } : {}) },
  data: { agentId, agentType: 'coder', configuration: {}, createdBy: 'ops' },
});
const step = (agentId: string, usage: object, durationMs?: number): OlderEvent => ({
  ...{ type: 'agent.step-recorded', version: 1 },
  data: { agentId, action: 'a', usage, ...(durationMs === undefined ? {} : { durationMs }) },
});
const completed = (agentId: string, duration: number): OlderEvent => ({
  ...{ type: 'task.completed', version: 1 },
  data: { taskId: 't', agentId, result: null, duration, resources: { tokens: 1e300 } },
});

const histories: Record<string, OlderEvent[]> = {
  'agent-a': [created('a'), step('a', { tokens: 9_007_199_254_740_991 }), step('a', { tokens: 9_007_199_254_740_991 })],
  'agent-b': [
    created('b'),
    step('b', { tokens: 1e300, cost: 1.7e308 }, 1.7e308),
    step('b', { cost: 1.7e308 }, 1.7e308),
  ],
  'agent-c': [created('c'), step('c', { cost: -5, tokens: -5 }), step('c', { cost: 0.1234567890123456 })],
  'agent-d': [created('d', LATE), { ...step('d', { cost: 1 }), timestamp: EARLY }],
  'task-t': [completed('a', 1e300), completed('b', 1.7e308), completed('c', -1)],
};

/** Data that older versions accepted is folded, rebuilt, verified, shown and read without an error. */
describe('data of an older Annals', () => {
  const dataDir = join(temporaryFolder(), 'data');
  const logger = { warn: vi.fn(), error: vi.fn() };
  let server: Server;
  const client = () => createClient({ url: server.url });
  // biome-ignore lint/suspicious/noExplicitAny: tests read any JSON
  const get = async (path: string): Promise<any> => (await fetch(`${server.url}${path}`)).json();

  beforeAll(async () => {
    await storeOlder(
      dataDir,
      Object.entries(histories).map(([stream, events]) => olderCommit(stream, 1, events)),
    );
    server = await startServer({ port: 0, dataDir, logger });
    await vi.waitFor(async () => expect((await get('/agents/d')).version).toBe(2), 10_000);
    await vi.waitFor(
      async () => expect((await get('/projections/fleet-overview/all')).stepsByType).toEqual({ coder: 7 }),
      10_000,
    );
  });
  afterAll(() => server.close());

  it('is shown in views within the limits of JSON', async () => {
    expect(await client().agents.get('a')).toMatchObject({ usage: { inputTokens: 2e15 } });
    expect(await client().agents.get('b')).toMatchObject({
      durationMs: 2e15,
      usage: { inputTokens: 1e15, costUsd: 2e15 },
    });
    expect(await client().agents.get('c')).toMatchObject({ usage: { costUsd: 0.123457, inputTokens: 0 } });
    expect(await client().agents.get('d')).toMatchObject({ createdAt: EARLY, lastUpdated: LATE });
    expect((await get('/projections/fleet-overview/all')).tokensByType).toEqual({ coder: 3e15 });
    expect((await get('/rankings/leaderboard')).views).toMatchObject([
      { key: 'a', durationMs: 1e15 },
      { key: 'b', durationMs: 1e15 },
      { key: 'c', completed: 1 },
    ]);
  });

  it('gives the same state when it is folded to a version or a time', async () => {
    for (const id of ['a', 'b', 'c', 'd']) {
      const [live, stream] = [await get(`/agents/${id}`), histories[`agent-${id}`] ?? []];
      expect(await get(`/agents/${id}?version=${stream.length}`)).toEqual(live);
      expect(await get(`/agents/${id}?at=9999-12-31T23:59:59Z`)).toEqual(live);
    }
  });

  it('is read by the client: streams, pages and followers of the log', async () => {
    const read = await client().readStream('agent-d');
    expect(read.events.map(({ timestamp }) => timestamp)).toEqual([LATE, EARLY]);
    const total = Object.values(histories).flat().length;
    expect((await client().readLog({})).events).toHaveLength(total);
    const followed: string[] = [];
    for await (const { id } of client().follow({})) if (followed.push(id) === total) break;
    expect(new Set(followed).size).toBe(total);
  });

  it('is rebuilt and verified', async () => {
    for (const { name } of projections) {
      const { rebuildId } = await client().operations.rebuild(name);
      const rebuild = () => get(`/projections/${name}/rebuilds/${rebuildId}`);
      await vi.waitFor(async () => expect(await rebuild()).toMatchObject({ state: 'switched', failed: 0 }), 10_000);
    }
    const { verification, close } = openVerification(dataDir, { projections, catalogue });
    const run = verification.run();
    let verified = await run.next();
    while (!verified.done) verified = await run.next();
    close();
    expect(verified.value.differences).toEqual([]);
    expect(await get('/dead-letters')).toMatchObject({ deadLetters: [] });
    expect(logger.error).not.toHaveBeenCalled();
  });
});

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Server, startServer } from '../../../bin/serve/server.ts';
import { createClient } from '../../../client/client.ts';
import { olderCommit, storeOlder } from '../../support/older-data.ts';
import { withFormerNames } from '../../support/retired-names.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const old = (type: string, data: object) => [{ type, version: 1, data }];
const task = { taskId: '1', requiredAgents: ['1'], payload: {}, deadlineSeconds: 600 };

/** A history of an agent and of a task under retired names. */
const commits = [
  olderCommit(
    'agent-1',
    1,
    old('agent.born', { agentId: '1', agentType: 'coder', configuration: {}, createdBy: 'me' }),
  ),
  olderCommit('agent-1', 2, old('agent.noted', { agentId: '1', action: 'a' })),
  olderCommit('agent-1', 3, old('agent.step-noted', { agentId: '1', action: 'b' })),
  olderCommit('task-1', 1, old('task.wanted', task)),
];

describe('events that were stored under retired names', () => {
  const dataDir = join(temporaryFolder(), 'data');
  let server: Server;
  // biome-ignore lint/suspicious/noExplicitAny: tests read any JSON
  const get = async (path: string): Promise<any> => (await fetch(`${server.url}${path}`)).json();
  const client = () => createClient({ url: server.url });

  beforeAll(async () => {
    await storeOlder(dataDir, commits);
    server = await startServer({
      port: 0,
      dataDir,
      annals: withFormerNames,
      logger: { warn: vi.fn(), error: vi.fn() },
    });
    await vi.waitFor(async () => expect((await get('/agents/1')).version).toBe(3), 10_000);
  });
  afterAll(() => server.close());

  it('are read and followed in the log by their current names', async () => {
    const { events } = await get('/events?type=agent.step-recorded,agent.created');
    const found = [
      ['agent.created', 1],
      ['agent.step-recorded', 2],
      ['agent.step-recorded', 3],
    ];
    expect(events.map((event: { type: string; sequenceNumber: number }) => [event.type, event.sequenceNumber])).toEqual(
      found,
    );
    const stream = await fetch(`${server.url}/events/stream?type=agent.step-recorded&to=2026-06-01T00:00:00Z`);
    expect((await stream.text()).match(/^data: /gm)).toHaveLength(2);
  });

  it('count in views and in replays', async () => {
    expect(await get('/agents/1')).toMatchObject({ agentType: 'coder', steps: 2 });
    await vi.waitFor(
      async () => expect(await get('/projections/fleet-overview/all')).toMatchObject({ stepsByType: { coder: 2 } }),
      10_000,
    );
    const { replayId } = await client().operations.requestReplay({
      ...{ projection: 'fleet-overview', types: ['agent.created', 'agent.step-recorded'] },
    });
    await vi.waitFor(async () => expect(await get(`/replays/${replayId}`)).toMatchObject({ state: 'ready' }), 10_000);
    const { generation } = await get(`/replays/${replayId}`);
    const replayed = await get(`/projections/fleet-overview/all?generation=${generation}`);
    expect(replayed).toMatchObject({ stepsByType: { coder: 2 } });
  });

  it('start sagas', async () => {
    await vi.waitFor(
      async () => expect(await get('/sagas/multi-agent-task:1')).toMatchObject({ state: 'STARTED' }),
      10_000,
    );
  });
});

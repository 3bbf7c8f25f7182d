import { expect, it, onTestFinished, vi } from 'vitest';
import { SqliteCommitStorage } from '../../../../../adapters/embedded/sqlite/commit-storage.ts';
import { openDataFolder } from '../../../../../adapters/embedded/sqlite/database.ts';
import { startServer } from '../../../../../bin/serve/server.ts';
import { EventStore } from '../../../../../core/store/event-store.ts';
import { catalogue } from '../../../../support/application.ts';
import { temporaryFolder } from '../../../../support/temporary-folder.ts';

it('an engine on a folder with forks in a circle starts, answers, and parks their streams', async () => {
  const dataDir = temporaryFolder();
  const folder = openDataFolder(dataDir);
  const store = new EventStore(new SqliteCommitStorage(folder.events), { catalogue });
  for (const [agentId, parentId] of [
    ['x', 'x'],
    ['y', 'z'],
    ['z', 'y'],
  ] as const) {
    const data = { agentId, parentId, atVersion: 1 };
    await store.append(`agent-${agentId}`, [{ type: 'agent.forked', data }], { expectedVersion: 0 });
  }
  folder.close();

  const server = await startServer({ port: 0, dataDir, logger: { warn: vi.fn(), error: vi.fn() } });
  onTestFinished(() => server.close());
  const get = async (path: string) => {
    const response = await fetch(`${server.url}${path}`);
    return { status: response.status, body: await response.json() };
  };
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ agentId: 'good', agentType: 'coder', configuration: {}, createdBy: 'me' });
  expect((await fetch(`${server.url}/agents`, { method: 'POST', headers, body })).status).toBe(201);
  expect((await get('/agents/good?waitFor=1')).status).toBe(200);
  const parked = async () => {
    const { deadLetters } = (await get('/dead-letters?projection=agent-status')).body;
    return deadLetters.map(({ stream }: { stream: string }) => stream).toSorted();
  };
  await expect.poll(parked).toEqual(['agent-x', 'agent-y', 'agent-z']);
  expect(await get('/agents/x?version=1')).toMatchObject({ status: 500, body: { code: 'CORRUPT_DATA' } });
  const step = await fetch(`${server.url}/agents/x/steps`, { method: 'POST', headers, body: '{"action":"ls"}' });
  expect([step.status, (await step.json()).detail]).toEqual([500, expect.stringContaining('circle')]);
});

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, it } from 'vitest';
import { startServer } from '../../../bin/serve/server.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const cli = fileURLToPath(new URL('../../../bin/annals.ts', import.meta.url));
const dataDir = temporaryFolder();
const logger = { warn: () => {}, error: () => {} };

function drill(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, 'drill', ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

beforeAll(async () => {
  const server = await startServer({ port: 0, dataDir, logger });
  const post = (path: string, body: object) =>
    fetch(server.url + path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
  for (const agentId of ['1', '2']) {
    await post('/agents', { agentId, agentType: 'coder', configuration: {}, createdBy: 'me' });
    await post(`/agents/${agentId}/state`, { newState: 'running', reason: 'go' });
    await fetch(`${server.url}/agents/${agentId}?waitFor=2`);
  }
  // Beside the server, which goes on:
  expect(drill('--data', dataDir)).toMatchObject({ status: 0, stderr: '' });
  await server.close();
});

it('restores the events and makes the same views of them', () => {
  const kept = join(temporaryFolder(), 'kept');
  const { status, stdout } = drill('--data', dataDir, '--keep', kept);
  expect(stdout).toContain('4 events in 4 commits');
  expect(stdout).toContain('agent-status: 2 the same, 0 moved on meanwhile, 0 different');
  expect(stdout).toContain('the backup can be restored');
  expect(status).toBe(0);
  expect(existsSync(join(kept, 'events.sqlite'))).toBe(true);
  expect(drill('--data', dataDir, '--keep', kept)).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('is there already'),
  });
});

it('finds a view that is not what the events make of it', () => {
  const views = new DatabaseSync(join(dataDir, 'views.sqlite'));
  views.exec(`UPDATE views SET view = replace(view, 'running', 'stopped') WHERE key = '2'`);
  views.close();
  const { status, stdout } = drill('--data', dataDir);
  expect(stdout).toContain('agent-status 2 is different');
  expect(status).toBe(1);
});

it('says what to do when there is nothing to back up', () => {
  expect(drill('--data', temporaryFolder())).toEqual({
    status: 1,
    stdout: '',
    stderr: expect.stringContaining('name the data folder of a server with --data'),
  });
});

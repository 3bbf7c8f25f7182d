import { cpSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { startServer } from '../../../bin/serve/server.ts';
import { makeArchivedHistory } from '../../support/archived-history.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const parent = temporaryFolder();
const whole = join(parent, 'whole');
let copies = 0;

beforeAll(() => makeArchivedHistory(whole), 30_000);

/** A server on a damaged copy of the folder. */
async function served(harm: (folder: string) => void) {
  const dataDir = join(parent, `copy-${++copies}`);
  cpSync(whole, dataDir, { recursive: true });
  harm(dataDir);
  const server = await startServer({ port: 0, dataDir, logger: { warn: () => {}, error: () => {} } });
  onTestFinished(() => server.close());
  const get = async (path: string) => (await fetch(server.url + path)).json();
  return { server, get, health: () => get('/health') };
}

const change = (file: string, sql: string) => (folder: string) => {
  const database = new DatabaseSync(join(folder, file));
  database.exec(sql);
  database.close();
};

const remove = (pattern: RegExp) => (folder: string) => {
  const files = readdirSync(folder, { recursive: true }).map((name) => String(name));
  for (const file of files.filter((name) => pattern.test(name))) rmSync(join(folder, file), { recursive: true });
};

const degraded = {
  status: 'degraded',
  checks: { data: 'failing' },
  reasons: [expect.stringMatching(/damaged data was met .* run "annals verify", then restore/)],
};

describe('the health of a server', () => {
  it('is ok while every read succeeds', async () => {
    const { get, health } = await served(() => {});
    for (const path of ['/events?limit=100', '/streams/agent-b/events', '/agents/a', '/agents/b?version=9'])
      await get(path);
    expect(await health()).toMatchObject({ status: 'ok', checks: { data: 'ok' } });
    expect(await health()).not.toHaveProperty('reasons');
  });

  const rot = change('events.sqlite', `UPDATE commits SET body = x'07' WHERE stream = 'agent-a' AND version = 4`);
  const page = change('events.sqlite', `UPDATE log_pages SET body = x'07' WHERE page = 18`);
  const types = change('events.sqlite', `UPDATE commits SET types = '[' WHERE stream = 'agent-a' AND version = 4`);
  it.each([
    ['a commit that cannot be decoded', rot, '/streams/agent-a/events'],
    ['a row that cannot be read', types, '/streams/agent-a/events'],
    ['the missing body of a large commit', remove(/^objects\/large-events$/), '/streams/agent-b/events'],
    ['a damaged page of the log', page, '/events?limit=100'],
    ['a missing segment of the log', remove(/^objects\/log\/segments$/), '/events?limit=1'],
    ['a damaged view', change('views.sqlite', `UPDATE views SET view = '{' WHERE key = 'a'`), '/agents/a'],
    ['a view whose part is missing', remove(/^objects\/large-views$/), '/agents/b'],
  ])('is degraded after a request for %s', async (_, harm, path) => {
    const { get, health } = await served(harm);
    for (let look = 0; look < 3; look++) {
      const answer = await get(path);
      if (answer.next && !answer.caughtUp) await get(`/events?after=${answer.next}`);
    }
    expect(await health()).toMatchObject(degraded);
  });

  it('is degraded after a follower reached a damaged page', async () => {
    const { server, health } = await served(page);
    const answer = await fetch(`${server.url}/events/stream`);
    for await (const _ of answer.body ?? []) {
      // the stream ends at the damaged page
    }
    expect(await health()).toMatchObject(degraded);
  });

  it('is degraded when a projection reaches a commit that cannot be decoded, without any request', async () => {
    const { health } = await served((folder) => {
      rot(folder);
      remove(/^views\.sqlite/)(folder);
    });
    await expect.poll(health).toMatchObject(degraded);
  });

  it('is degraded when the writer of the log reaches a damaged page, without any reader', async () => {
    const { server, health } = await served(page);
    const body = JSON.stringify({ newState: 'running', reason: 'go' });
    const headers = { 'Content-Type': 'application/json' };
    await fetch(`${server.url}/agents/a/state`, { method: 'POST', headers, body });
    await expect.poll(health).toMatchObject(degraded);
  });

  it('is degraded with a reason when views were ahead of the events at the start', async () => {
    const { health } = await served((folder) => {
      change('events.sqlite', `DELETE FROM commits WHERE position > 18; DELETE FROM log_pages WHERE page > 18`)(folder);
    });
    expect(await health()).toMatchObject({
      ...degraded,
      reasons: [expect.stringMatching(/^at the start the views had events that the store lacks.*newest backup$/)],
    });
  });
});

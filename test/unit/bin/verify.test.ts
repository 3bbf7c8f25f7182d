import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Server, startServer } from '../../../bin/serve/server.ts';
import { runAnnals } from '../../support/served-process.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const logger = { warn: () => {}, error: () => {} };
const dataDir = join(temporaryFolder(), 'data');
const fine = /^verified: 1 streams, 1 commits, 1 events, 1 log pages, \d views; no differences\n$/;
const verify = (...args: string[]) => runAnnals(['verify', ...args]).finished;

describe('annals verify', () => {
  let server: Server;
  beforeAll(async () => {
    server = await startServer({ port: 0, dataDir, logger });
    const agent = { agentId: '1', agentType: 'coder', configuration: {}, createdBy: 'me' };
    const headers = { 'Content-Type': 'application/json' };
    await fetch(`${server.url}/agents`, { method: 'POST', headers, body: JSON.stringify(agent) });
    await fetch(`${server.url}/agents/1?waitFor=1`);
    await fetch(`${server.url}/events?wait=10`); // answered when the event is in the log
  });
  afterAll(() => server.close());

  it('reports success in one line, for a folder in use and for a running server', async () => {
    expect(await verify('--data', dataDir)).toMatchObject({ code: 0, stdout: expect.stringMatching(fine), stderr: '' });
    expect(await verify('--url', server.url)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(fine),
      stderr: '',
    });
  });

  it('lists differences, and exits with 1', async () => {
    const views = new DatabaseSync(join(dataDir, 'views.sqlite'));
    views.exec(`UPDATE views SET view = json_set(view, '$.steps', 7) WHERE projection = 'agent-status'`);
    views.close();
    for (const target of [
      ['--data', dataDir],
      ['--url', server.url],
    ]) {
      const { code, stdout } = await verify(...target);
      expect(stdout).toMatch(/^views: agent-status\/1 differs: at version 1 it is /);
      expect(stdout).toMatch(/\nDIFFERENCES FOUND: .*; 1 difference, 1 in the views\n$/);
      expect(code).toBe(1);
    }
  });

  it('exits with 2 and without a stack trace when it cannot run', async () => {
    const nowhere = join(temporaryFolder(), 'nothing');
    for (const target of [
      ['--data', nowhere],
      ['--url', 'http://127.0.0.1:1'],
    ]) {
      const { code, stdout, stderr } = await verify(...target);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toMatch(/^could not verify: .*\n$/);
    }
  }, 60_000);

  it('finds no verification under another id', async () => {
    const answer = await fetch(`${server.url}/verifications/nothing`);
    expect(answer.status).toBe(404);
  });
});

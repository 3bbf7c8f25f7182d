import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { openDataFolder } from '../../../adapters/embedded/sqlite/database.ts';
import { type AnnalsClient, createClient } from '../../../client/client.ts';
import { addressed, noise, steps } from '../../support/sample-events.ts';
import { runAnnals, type ServedProcess, serve } from '../../support/served-process.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const parent = temporaryFolder();
let folders = 0;
const newFolder = (): string => join(parent, `${++folders}`);

const running = new Set<ServedProcess>();
async function start(dataDir: string, limit?: string): Promise<ServedProcess> {
  const served = await serve(dataDir, limit);
  running.add(served);
  return served;
}
afterEach(() => {
  for (const { child } of running) child.kill('SIGKILL');
  running.clear();
});

const noRetry = { retry: { attempts: 1 } };
/** Long enough for a busy machine. */
const WAIT = { timeout: 60_000 };

/** Appends to a stream while the server answers, and calls back after each append. @returns the number of acknowledged events */
async function appendWhileServed(client: AnnalsClient, stream: string, onAppended: () => void): Promise<number> {
  const events = addressed(stream, steps(3, stream));
  for (let acknowledged = 1; ; onAppended()) {
    try {
      const { toVersion } = await client.append(stream, { expectedVersion: acknowledged, events });
      acknowledged = toVersion;
    } catch {
      return acknowledged;
    }
  }
}

describe('annals serve', () => {
  it('prints its URL and a command to try, and the command works', async () => {
    const { url, child, finished } = await start(newFolder());
    expect((await fetch(`${url}/health`)).status).toBe(200);
    child.kill('SIGTERM');
    const [, command = ''] = (await finished).stdout.split('\ntry:  ');
    expect(command).toContain(`curl ${url}/agents`);
    const [body = ''] = /\{.*\}/.exec(command) ?? [];
    const again = await start(newFolder());
    const headers = { 'content-type': 'application/json' };
    expect((await fetch(`${again.url}/agents`, { method: 'POST', body, headers })).status).toBe(201);
  });

  it('keeps every acknowledged event when it is killed during writes', async () => {
    const dataDir = newFolder();
    const first = await start(dataDir);
    const client = createClient({ url: first.url, ...noRetry });
    const streams = ['agent-1', 'agent-2', 'agent-3', 'agent-4'];
    const agent = { agentType: 'coder', configuration: {}, createdBy: 'me' };
    await Promise.all(
      streams.map((stream) => client.agents.create({ ...agent, agentId: stream.replace('agent-', '') })),
    );
    const appended = new Map<string, number>();
    const busy = Promise.withResolvers<void>();
    const writing = streams.map((stream) =>
      appendWhileServed(client, stream, () => {
        appended.set(stream, (appended.get(stream) ?? 0) + 1);
        if (streams.every((name) => (appended.get(name) ?? 0) >= 5)) busy.resolve();
      }),
    );
    await busy.promise;
    first.child.kill('SIGKILL');
    const acknowledged = await Promise.all(writing);
    expect((await first.finished).signal).toBe('SIGKILL');

    const second = createClient({ url: (await start(dataDir)).url });
    for (const [index, stream] of streams.entries()) {
      const known = acknowledged[index] ?? 0;
      expect(known).toBeGreaterThan(1);
      const { version } = await second.readStream(stream, { direction: 'backward', limit: 1 });
      expect(version).toBeGreaterThanOrEqual(known);
      expect(await second.agents.get(stream.replace('agent-', ''), { waitFor: version })).toMatchObject({
        steps: version - 1,
      });
    }
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('answers open requests and exits with 0 on %s', async (signal) => {
    const dataDir = newFolder();
    const { url, child, finished } = await start(dataDir);
    const headers = { 'content-type': 'application/json', expect: '100-continue' };
    const posting = request(`${url}/agents`, { method: 'POST', headers });
    posting.flushHeaders();
    await once(posting, 'continue'); // the server has begun to read the request
    posting.write('{"agentType":"coder","configuration":{}');
    child.kill(signal);
    await vi.waitUntil(
      () =>
        fetch(`${url}/health`).then(
          () => false,
          () => true,
        ),
      WAIT,
    ); // the server accepts no new request
    posting.end(',"createdBy":"me"}');
    const [answer] = (await once(posting, 'response')) as [IncomingMessage];
    expect(answer.statusCode).toBe(201);
    answer.resume();
    const { code, stderr } = await finished;
    expect([code, stderr]).toEqual([0, '']);
    openDataFolder(dataDir).close(); // the lock is free
  });

  it('still reads when the disk is full, answers writes with 503, and loses nothing', async () => {
    const dataDir = newFolder();
    const { url, child } = await start(dataDir, 'ulimit -f 800');
    const client = createClient({ url, ...noRetry });
    const event = () => ({ type: 'agent.step-recorded' as const, data: { agentId: '1', action: noise(20_000) } });
    await client.agents.create({ agentId: '1', agentType: 'coder', configuration: {}, createdBy: 'me' });
    let version = 1;
    const failure = await (async () => {
      for (;;) version = (await client.append('agent-1', { expectedVersion: version, events: [event()] })).toVersion;
    })().catch((error: unknown) => error);
    expect(failure).toMatchObject({ status: 503, code: 'UNAVAILABLE' });
    expect(version).toBeGreaterThan(1);
    expect((await client.readStream('agent-1')).version).toBe(version);
    child.kill('SIGKILL');

    const again = createClient({ url: (await start(dataDir)).url });
    const after = await again.append('agent-1', { expectedVersion: version, events: [event()] });
    expect(after.fromVersion).toBe(version + 1);
  });
});

/** Expects one line with the fault and the remedy, and exit code 1, or 2 for wrong usage. */
async function expectRefused(
  env: Readonly<Record<string, string>>,
  says: readonly (string | RegExp)[],
  { limit, exit = 1 }: { limit?: string; exit?: number } = {},
): Promise<void> {
  const all = { PORT: '0', ANNALS_DATA: newFolder(), ...env };
  const { code, stdout, stderr } = await runAnnals(['serve'], all, limit).finished;
  expect([code, stdout]).toEqual([exit, '']);
  expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  for (const text of says) expect(stderr).toMatch(text);
}

describe('annals serve refuses, in one line,', () => {
  it('a port that is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as AddressInfo;
    await expectRefused({ PORT: `${port}` }, [`port ${port}`, 'taken', 'set PORT']);
    other.close();
  });

  it.each(['-1', '65536', 'http', '80.5'])('%s as a port', async (port) => {
    await expectRefused({ PORT: port }, ['whole number from 0', 'PORT'], { exit: 2 });
  });

  it('a data folder that another process uses', async () => {
    const dataDir = newFolder();
    const folder = openDataFolder(dataDir);
    await expectRefused({ ANNALS_DATA: dataDir }, [dataDir, 'in use by another process', 'ANNALS_DATA']);
    folder.close();
  });

  it('a data folder that cannot be written', async () => {
    const dataDir = newFolder();
    mkdirSync(join(dataDir, 'lock.sqlite'), { recursive: true }); // even root cannot write to a folder as to a file
    await expectRefused({ ANNALS_DATA: dataDir }, [dataDir, 'cannot be written', 'ANNALS_DATA']);
  });

  it('a full disk', async () => {
    await expectRefused({}, ['full', 'ANNALS_DATA'], { limit: 'ulimit -f 0' });
  });

  it('data of a newer Annals', async () => {
    const dataDir = newFolder();
    openDataFolder(dataDir).close();
    const database = new DatabaseSync(join(dataDir, 'events.sqlite'));
    database.exec('PRAGMA user_version = 99');
    database.close();
    await expectRefused({ ANNALS_DATA: dataDir }, [/events\.sqlite.* version 99/, 'run the newer Annals']);
  });
});

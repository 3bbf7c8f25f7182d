import { describe, expect, it } from 'vitest';
import { type AppDeps, createApp } from '../../../api/http/app.ts';
import { type LogDeps, logQueries } from '../../../api/log/log-queries.ts';
import { addLogStream } from '../../../api/log/log-stream.ts';
import { EventLog } from '../../../core/log/log.ts';
import { LogWriter } from '../../../core/log/writer.ts';
import { EventStore } from '../../../core/store/event-store.ts';
import { MemoryCommitStorage } from '../../../testing/memory/commit-storage.ts';
import { catalogue } from '../../support/application.ts';
import { History } from '../../support/history.ts';
import { endOf } from '../../support/log-end.ts';
import { MemoryLogStorage } from '../../support/memory-log.ts';
import { countWaitingReaders } from '../../support/waiting-readers.ts';

async function setup(commits: number, options: { maxFollowers?: number; closing?: AbortSignal } = {}) {
  const storage = new MemoryLogStorage();
  const history = new History();
  const writer = new LogWriter({ catalogue, storage, commits: history.commits, strategy: 'single' });
  for (let n = 0; n < commits; n += 1) await writer.append([await history.commit('1')]);
  const log = new EventLog({ catalogue, storage, strategy: 'single' });
  const store = new EventStore(new MemoryCommitStorage(), { catalogue });
  const app = createApp<AppDeps & LogDeps>(logQueries(catalogue), { log, store });
  addLogStream(app, { log, store, ...options });
  const ask = (method: string, query = '', headers: Record<string, string> = {}) =>
    app.request(`/events/stream${query}`, { method, headers });
  return { log, ask };
}

const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
const text = (chunk: Uint8Array | undefined) => new TextDecoder().decode(chunk);

async function open(response: Response) {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const next = async () => text((await reader.read()).value);
  expect(await next()).toBe('retry: 1000\n\n');
  return { reader, next };
}

describe('the stream of the log', () => {
  it('starts no reader and no timer for HEAD', async () => {
    const { ask } = await setup(2, { maxFollowers: 1 });
    const waiting = countWaitingReaders();
    const before = timers();
    for (let n = 0; n < 100; n += 1) {
      const { status, headers, body } = await ask('HEAD');
      expect([status, headers.get('content-type'), body]).toEqual([200, 'text/event-stream', null]);
    }
    expect(waiting()).toBe(0);
    expect(timers()).toBeLessThanOrEqual(before);
  });

  it('tells proxies neither to buffer nor to cache it', async () => {
    const { headers } = await (await setup(0)).ask('HEAD');
    expect([headers.get('cache-control'), headers.get('x-accel-buffering')]).toEqual(['no-cache', 'no']);
  });

  it('leaves no reader and no timer when its client leaves before a read, between reads or during a wait', async () => {
    const { log, ask } = await setup(2, { maxFollowers: 1 });
    const waiting = countWaitingReaders();
    const before = timers();
    await (await ask('GET')).body?.cancel();
    const between = await open(await ask('GET'));
    await between.next();
    await between.reader.cancel();
    const last = await open(await ask('GET', `?after=${await endOf(log)}`));
    const pending = last.reader.read();
    await expect.poll(waiting).toBe(1);
    await last.reader.cancel();
    await pending;
    await expect.poll(waiting).toBe(0);
    expect(timers()).toBeLessThanOrEqual(before);
    expect((await ask('GET')).status).toBe(200); // the only place for a follower is free
  });

  it('refuses more followers than its limit', async () => {
    const { ask } = await setup(1, { maxFollowers: 2 });
    const first = await ask('GET');
    await ask('GET');
    const refused = await ask('GET');
    expect([refused.status, Number(refused.headers.get('retry-after'))]).toEqual([503, expect.any(Number)]);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    await first.body?.cancel();
    expect((await ask('GET')).status).toBe(200);
  });

  it('ends after its time range, and when the server closes', async () => {
    const closing = new AbortController();
    const { ask } = await setup(3, { closing: closing.signal });
    const whole = await (await ask('GET', '?to=2026-01-05T09:00:00.002Z')).text();
    expect(whole.match(/^data: /gm)).toHaveLength(2);
    const { reader, next } = await open(await ask('GET'));
    await next();
    const pending = reader.read();
    closing.abort();
    expect((await pending).done).toBe(true);
  });

  it('ignores an empty Last-Event-ID', async () => {
    const { ask } = await setup(1);
    const { next } = await open(await ask('GET', '', { 'Last-Event-ID': '' }));
    expect(await next()).toContain('"sequenceNumber":1');
  });

  it('buffers only a few events for a slow reader', async () => {
    const { ask } = await setup(2_000);
    const { next } = await open(await ask('GET'));
    expect((await next()).length).toBeLessThan(100_000);
  });
});

import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { UnavailableError } from '../../core/base/errors.ts';
import { LogArchive } from '../../core/log/archive.ts';
import { LogArchiver, type LogArchiverOptions } from '../../core/log/archiver.ts';
import { EventLog } from '../../core/log/log.ts';
import type { LogStorage } from '../../core/log/storage.ts';
import { LogWriter } from '../../core/log/writer.ts';
import type { ObjectStore } from '../../core/store/object-store.ts';
import { catalogue } from '../support/application.ts';
import { History } from '../support/history.ts';
import { dropping, forwarding } from '../support/memory-log.ts';
import { MemoryObjectStore } from '../support/memory-objects.ts';

const DAY_MS = 86_400_000;

/** The contract of the archive over any storage. Expired pages are removed immediately here. */
export function archiveContract(createStorage: () => Promise<LogStorage>): void {
  /** A log with one page for each day until today. Expired pages are removed immediately. */
  async function logOf(days: number) {
    const storage = await createStorage();
    const objects = new MemoryObjectStore();
    const history = new History();
    const writer = new LogWriter({ catalogue, storage, commits: history.commits, strategy: 'single' });
    for (let day = 0; day < days; day++) {
      history.now = day * DAY_MS;
      await writer.append([await history.commit(`${day % 3}`, 2), await history.commit('x', 1)]);
    }
    const now = () => new Date(Date.parse('2026-01-05T09:00:00.000Z') + history.now);
    const short = dropping(storage);
    const options = { storage: short, retentionDays: 10, compression: true, now } as const;
    const newArchiver = (over: Partial<LogArchiverOptions> & { objects?: ObjectStore } = {}) =>
      new LogArchiver({ catalogue, ...options, archive: new LogArchive(over.objects ?? objects), ...over });
    // Slices have no limit of time here, because the machine may be busy.
    const log = () =>
      new EventLog({
        catalogue,
        storage: short,
        strategy: 'single',
        archive: new LogArchive(objects),
        sliceMs: 60_000,
      });
    const all = async () => (await Array.fromAsync(log().events(undefined))).map(({ position, id }) => [position, id]);
    const hot = async () => (await Array.fromAsync(short.read('all', { after: 0 }))).map(({ page }) => page);
    return { storage, objects, history, writer, newArchiver, log, all, hot };
  }
  const rest = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, index) => first + index);

  test('old pages leave the storage, and readers get the same events', async () => {
    const { newArchiver, log, all, hot } = await logOf(30);
    const before = await all();
    expect(await newArchiver().run()).toEqual({ segments: 1, pages: 19, events: 57 });
    expect(await hot()).toEqual(rest(20, 30));
    expect(await all()).toEqual(before);
    for (const [index, [position]] of before.entries()) {
      const { events } = await log().getEventsAfter(position, { limit: 3 });
      expect(events.map(({ id }) => id)).toEqual(before.slice(index + 1, index + 4).map(([, id]) => id));
    }
    expect(await newArchiver().run()).toEqual({ segments: 0, pages: 0, events: 0 });
  });

  test('time ranges select events in the archive and in the storage', async () => {
    const { newArchiver, log, history } = await logOf(30);
    const events = await Array.fromAsync(log().events(undefined));
    history.now += 5 * DAY_MS;
    await newArchiver({ retentionDays: 20 }).run();
    history.now += 5 * DAY_MS;
    await newArchiver({ retentionDays: 20 }).run();
    const times = [...new Set(events.map(({ metadata }) => metadata.recordedAt))];
    for (let from = 0; from < times.length; from += 7) {
      const [start = '', end = ''] = [times[from], times[Math.min(from + 9, times.length - 1)]];
      const inside = events.filter(({ metadata: { recordedAt } }) => recordedAt >= start && recordedAt <= end);
      const found = await Array.fromAsync(log().getEventsByTimeRange(start, end));
      expect(found.map(({ id }) => id)).toEqual(inside.map(({ id }) => id));
    }
  });

  test('the last page stays, and the log continues after it', async () => {
    const { newArchiver, history, writer, all, hot } = await logOf(3);
    history.now += 1_000 * DAY_MS;
    await newArchiver().run();
    expect(await hot()).toEqual([3]);
    await writer.append([await history.commit('0')]);
    expect(await hot()).toEqual([3, 4]);
    expect(await all()).toHaveLength(10);
    await newArchiver().run();
    expect(await all()).toHaveLength(10);
  });

  test('a run that fails at any call loses nothing, and the next run finishes it', async () => {
    for (let fatal = 1; ; fatal++) {
      const { newArchiver, objects, all, hot } = await logOf(14);
      const before = await all();
      let calls = 0;
      const failing = <T>(call: () => Promise<T>, after = false): Promise<T> => {
        const isFatal = ++calls === fatal;
        if (isFatal && !after) return Promise.reject(new UnavailableError('failed'));
        return call().then((answer) => (isFatal ? Promise.reject(new UnavailableError('reply lost')) : answer));
      };
      const weak: ObjectStore = {
        put: (...object) => failing(() => objects.put(...object), fatal % 2 === 0),
        get: (key) => failing(() => objects.get(key)),
        delete: (key) => objects.delete(key),
        list: (...query) => objects.list(...query),
      };
      const outcome = await newArchiver({ objects: weak })
        .run()
        .catch((error: unknown) => error);
      expect(await all(), `failed at call ${fatal}`).toEqual(before);
      await newArchiver().run();
      expect(await all()).toEqual(before);
      expect(await hot()).toEqual(rest(4, 14));
      if (!(outcome instanceof UnavailableError)) break;
      expect(fatal).toBeLessThan(20);
    }
  });

  test('a segment that differs from its write is not used', async () => {
    const { newArchiver, objects, all, hot } = await logOf(14);
    const before = await all();
    const lying: ObjectStore = {
      put: (...object) => objects.put(...object),
      get: async (key) => (await objects.get(key))?.map((byte, index) => (index === 40 ? byte ^ 1 : byte)),
      delete: (key) => objects.delete(key),
      list: (...query) => objects.list(...query),
    };
    await expect(newArchiver({ objects: lying }).run()).rejects.toThrow(
      /segment log\/segments\/all\/\S+ of the log is damaged/,
    );
    expect(await hot()).toEqual(rest(1, 14));
    expect(await all()).toEqual(before);
  });

  test('a damaged or missing segment or manifest is an error that names it', async () => {
    const { newArchiver, objects, log } = await logOf(14);
    await newArchiver().run();
    for await (const { key } of objects.list('log/')) {
      const bytes = (await objects.get(key)) ?? new Uint8Array();
      await objects.put(key, bytes.with(bytes.length >> 1, (bytes[bytes.length >> 1] ?? 0) ^ 0x80));
      await expect(Array.fromAsync(log().events(undefined)), key).rejects.toThrow(key);
      await objects.delete(key);
      await expect(Array.fromAsync(log().events(undefined)), key).rejects.toThrow(/missing/);
      await objects.put(key, bytes);
    }
    expect(await Array.fromAsync(log().events(undefined))).toHaveLength(42);
  });

  test('a clock that was once years ahead does not delay archiving', async () => {
    for (const ahead of [1, 10, 19, 20]) {
      const { newArchiver, history, writer, all, hot } = await logOf(ahead);
      history.now += 7_900 * 365 * DAY_MS;
      await writer.append([await history.commit('0')]);
      for (let day = ahead; day < 30; day++) {
        history.now = day * DAY_MS;
        await writer.append([await history.commit(`${day % 3}`, 2), await history.commit('x', 1)]);
      }
      const before = await all();
      expect(await newArchiver().run(), `ahead at page ${ahead + 1}`).toMatchObject({ pages: ahead < 19 ? 20 : 19 });
      expect(await hot()).toEqual(ahead < 19 ? rest(21, 31) : rest(20, 31));
      expect(await all()).toEqual(before);
      history.now += DAY_MS;
      expect(await newArchiver().run()).toMatchObject({ pages: ahead === 19 ? 2 : 1 });
      expect(await all()).toEqual(before);
    }
  });

  test('pages of a clock that is ahead stay until the pages after them are old', async () => {
    const { newArchiver, history, writer, hot } = await logOf(14);
    history.now += 50 * 365 * DAY_MS;
    for (let n = 0; n < 3; n++) await writer.append([await history.commit('0')]);
    history.now = 13 * DAY_MS;
    await newArchiver().run();
    expect(await hot()).toEqual(rest(4, 17));
    history.now = 14 * DAY_MS;
    for (let n = 0; n < 2; n++) await writer.append([await history.commit('1')]);
    history.now = 24 * DAY_MS + 10;
    await newArchiver().run();
    expect(await hot()).toEqual([19]);
  });

  test.each([
    [1, /page 2 with event 4 stands where page 1 with event 1 has to be/],
    [2, /page 3 with event 7 stands where page 2 with event 4 has to be/],
  ])('pages that do not follow each other are not archived: page %i is not shown', async (hidden, message) => {
    const { newArchiver, storage, objects } = await logOf(14);
    const hiding: LogStorage = {
      ...forwarding(storage),
      async *read(partition, range) {
        const pages = storage.read(partition, { ...range, limit: 1_000 });
        for await (const page of pages) if (page.page !== hidden) yield page;
      },
    };
    await expect(newArchiver({ storage: hiding }).run()).rejects.toThrow(message);
    expect(await Array.fromAsync(objects.list('log/'))).toEqual([]);
  });

  test('the next manifest detects a manifest that was changed together with its segment', async () => {
    const { newArchiver, objects, history, log } = await logOf(30);
    history.now -= 10 * DAY_MS;
    await newArchiver().run();
    history.now += 10 * DAY_MS;
    await newArchiver().run();
    const [first, second] = await Array.fromAsync(objects.list('log/manifests/'));
    const text = Buffer.from((await objects.get(first?.key ?? '')) ?? []).toString();
    const { archivedAt } = JSON.parse(text);
    await objects.put(first?.key ?? '', Buffer.from(text.replace(archivedAt, '2020-01-01T00:00:00.000Z')));
    const { key } = JSON.parse(Buffer.from((await objects.get(second?.key ?? '')) ?? []).toString());
    await expect(Array.fromAsync(log().events(undefined))).rejects.toThrow(`segment ${key} of the log does not follow`);
  });

  test('segments are lines of JSON, compressed or not, and readable without Annals', async () => {
    for (const compression of [true, false]) {
      const { newArchiver, objects } = await logOf(14);
      await newArchiver({ compression }).run();
      const [segment] = await Array.fromAsync(objects.list('log/segments/all/'));
      const bytes = (await objects.get(segment?.key ?? '')) ?? new Uint8Array();
      const lines = Buffer.from(compression ? gunzipSync(bytes) : bytes)
        .toString()
        .trimEnd()
        .split('\n');
      expect(lines.map((line) => JSON.parse(line))).toMatchObject([
        { stream: 'agent-0', version: 1, events: [{ type: 'agent.step-recorded' }, {}] },
        { stream: 'agent-x', version: 1 },
        ...lines.slice(2).map(() => ({ count: expect.any(Number) })),
      ]);
    }
  });
}

import { describe, expect, test } from 'vitest';
import { UnavailableError } from '../../core/base/errors.ts';
import { PartitionStrategyError } from '../../core/log/closing.ts';
import { allPartitions } from '../../core/log/layouts.ts';
import { EventLog } from '../../core/log/log.ts';
import { commitsOf, type LogPage } from '../../core/log/page.ts';
import type { Partitioning, PartitionStrategy } from '../../core/log/partition.ts';
import type { LogStorage } from '../../core/log/storage.ts';
import { LogWriter } from '../../core/log/writer.ts';
import type { Commit } from '../../core/store/commit.ts';
import { catalogue } from '../support/application.ts';
import { History, placeOf } from '../support/history.ts';
import { endOf } from '../support/log-end.ts';
import { forwarding } from '../support/memory-log.ts';
import { noise, step } from '../support/sample-events.ts';
import { archiveContract } from './log-archive.ts';
import { lostHistoryContract } from './log-lost-history.ts';
import { retiredTypesContract } from './log-retired-types.ts';

/** The contract of the log over any storage. Each test gets an empty storage from `createStorage`. */
export function logContract(name: string, createStorage: () => Promise<LogStorage>): void {
  describe(`log on ${name}`, () => {
    describe('storage', () => storageContract(createStorage));
    describe('writing', () => writerContract(createStorage));
    describe('sharded', () => shardedContract(createStorage));
    describe('reading', () => readerContract(createStorage));
    describe('after a restore of the events', () => lostHistoryContract(createStorage));
    describe('archive', () => archiveContract(createStorage));
    describe('renamed types', () => retiredTypesContract(createStorage));
  });
}

const page = (number: number, more: Partial<LogPage> = {}): LogPage => ({
  partition: 'all',
  page: number,
  firstEvent: number * 10 - 9,
  count: 10,
  firstRecordedAt: '2026-01-05T09:00:00.000Z',
  through: '2026-01-05T09:00:01.000Z',
  latenessMs: 7,
  appendedAt: '2026-01-05T09:00:02.000Z',
  types: ['agent.created', 'agent.step-recorded'],
  body: Uint8Array.of(0, 1, 2, 255),
  ...more,
});

const plain = (given: LogPage | undefined) =>
  given && { ...given, body: [...given.body], types: given.types.toSorted() };

function storageContract(createStorage: () => Promise<LogStorage>): void {
  test('a page is read as it was put, and no writer can replace it', async () => {
    const storage = await createStorage();
    expect(await storage.last('all')).toBeUndefined();
    expect(await storage.put(page(1))).toBeUndefined();
    const occupant = await storage.put(page(1, { count: 3 }));
    expect(plain(occupant)).toEqual(plain(page(1)));
    expect(plain(await storage.last('all'))).toEqual(plain(page(1)));
  });

  test('pages are read in the order of their numbers, after a number, up to a limit', async () => {
    const storage = await createStorage();
    for (const number of [1, 2, 9, 10, 11, 100]) await storage.put(page(number));
    const numbers = async (range: { after: number; limit?: number; consistent?: boolean }) =>
      (await Array.fromAsync(storage.read('all', range))).map((found) => found.page);
    expect(await numbers({ after: 0 })).toEqual([1, 2, 9, 10, 11, 100]);
    expect(await numbers({ after: 2, limit: 3 })).toEqual([9, 10, 11]);
    expect(await numbers({ after: 5, consistent: true })).toEqual([9, 10, 11, 100]);
    expect(await numbers({ after: 100 })).toEqual([]);
    expect((await storage.last('all'))?.page).toBe(100);
  });

  test('marks are read as they were raised, are never lowered, and are not pages', async () => {
    const storage = await createStorage();
    await storage.put(page(1));
    expect(await storage.marks(['agent-1', 'all'])).toEqual(new Map());
    const many = new Map(Array.from({ length: 230 }, (_, n): [string, number] => [`agent-"${n}':`, n + 1]));
    await storage.raiseMarks(many);
    await storage.raiseMarks(new Map([['all', 7]]));
    await storage.raiseMarks(
      new Map([
        ['agent-"9\':', 4],
        ['agent-"8\':', 40],
      ]),
    ); // one mark lower, one mark higher
    const marks = await storage.marks([...many.keys(), 'all', 'agent']);
    expect(marks).toEqual(new Map([...many, ['agent-"8\':', 40], ['all', 7]]));
    expect(await storage.last('all')).toHaveProperty('page', 1);
    expect(await Array.fromAsync(storage.read('all', { after: 0 }))).toHaveLength(1);
  });

  test('a mark is raised with or without an existing mark', async () => {
    const storage = await createStorage();
    const keys = Array.from({ length: 60 }, (_, n) => `agent-${n}`);
    const at = (mark: number) => new Map(keys.map((key) => [key, mark]));
    await storage.raiseMarks(at(3), new Set(keys.slice(0, 30))); // without existing marks
    await storage.raiseMarks(at(5), new Set(keys.slice(15, 45))); // with existing marks
    await storage.raiseMarks(at(4), new Set(keys.slice(0, 30)));
    expect(await storage.marks(keys)).toEqual(at(5));
  });

  test('partitions are independent', async () => {
    const storage = await createStorage();
    await storage.put(page(1));
    expect(await storage.put(page(1, { partition: 'agent' }))).toBeUndefined();
    expect(await Array.fromAsync(storage.read('task', { after: 0 }))).toEqual([]);
    expect((await storage.last('agent'))?.partition).toBe('agent');
  });

  test('a read returns more bytes than one answer of a storage holds', async () => {
    const storage = await createStorage();
    const body = new Uint8Array(300_000).fill(1);
    for (let number = 1; number <= 5; number++) await storage.put(page(number, { body }));
    const read = await Array.fromAsync(storage.read('all', { after: 0 }));
    expect(read.map((found) => [found.page, found.body.length])).toEqual([1, 2, 3, 4, 5].map((n) => [n, 300_000]));
    expect(await Array.fromAsync(storage.read('all', { after: 0, limit: 4 }))).toHaveLength(4);
  });
}

async function open(createStorage: () => Promise<LogStorage>, strategy: PartitionStrategy = 'single') {
  const storage = await createStorage();
  const history = new History();
  const newWriter = (over = storage) => new LogWriter({ catalogue, storage: over, commits: history.commits, strategy });
  const log = new EventLog({ catalogue, storage, strategy });
  const places = async () => (await Array.fromAsync(log.commits(undefined))).map(({ commit }) => placeOf(commit));
  return { storage, history, newWriter, writer: newWriter(), log, places };
}

function writerContract(createStorage: () => Promise<LogStorage>): void {
  test('a batch is one page, and its commits are read unchanged', async () => {
    const { storage, history, writer, log } = await open(createStorage);
    const trace = 'Root=1-5759e988-bd862e3fe1be46a994272793';
    await history.store.append('agent-0', [step('Zoë 🦜 "," \n \u0000')], {
      expectedVersion: 0,
      commitId: 'key',
      trace,
    });
    await history.commit('0', 3);
    const commits = [...(await Array.fromAsync(history.store.commits('agent-0'))), await history.commit('1', 2)];
    await writer.append(commits);
    const pages = await Array.fromAsync(storage.read('all', { after: 0 }));
    expect(pages.map(({ page, firstEvent, count }) => ({ page, firstEvent, count }))).toEqual([
      { page: 1, firstEvent: 1, count: 6 },
    ]);
    const expected = await Array.fromAsync(history.store.read('agent-0'));
    const events = await Array.fromAsync(log.events(undefined));
    expect(events.slice(0, 4).map(({ position: _, ...event }) => event)).toEqual(expected);
    const [first] = commitsOf(pages[0] as LogPage);
    expect(first).toMatchObject({ stream: 'agent-0', commitId: 'key', keyed: true, trace });
  });

  test('a logged commit is not logged again: by the same writer, by another writer, in another batch', async () => {
    const { history, writer, newWriter, places } = await open(createStorage);
    for (let n = 0; n < 12; n++) await history.commit(`${n % 3}`, 1 + (n % 2));
    const all = history.written;
    await writer.append(all.slice(0, 7));
    await writer.append(all.slice(0, 7));
    await newWriter().append(all.slice(2, 9));
    await writer.append(all);
    await newWriter().append(all.toReversed());
    expect(await places()).toEqual(all.map(placeOf));
  });

  test('a repeat is recognised after any number of pages', async () => {
    const { history, writer, newWriter, places } = await open(createStorage);
    for (let n = 0; n < 60; n++) await writer.append([await history.commit(`${n}`)]);
    await newWriter().append(history.written.slice(3, 5));
    expect(await places()).toEqual(history.written.map(placeOf));
  });

  test('a writer that lost the reply finds its written page', async () => {
    const { storage, history, newWriter, places } = await open(createStorage);
    let lost = 0;
    const writer = newWriter({
      ...forwarding(storage),
      put: async (given) => {
        const occupant = await storage.put(given);
        if (!occupant && lost++ === 0) throw new UnavailableError('the reply was lost');
        return occupant;
      },
    });
    const commits = [await history.commit('1'), await history.commit('2')];
    await expect(writer.append(commits)).rejects.toThrow(UnavailableError);
    await writer.append([...commits, await history.commit('1')]);
    expect(await places()).toEqual(history.written.map(placeOf));
  });

  test('simultaneous writers lose nothing and leave no gap', async () => {
    const { storage, history, newWriter, places } = await open(createStorage);
    const shards = await Promise.all(
      ['a', 'b', 'c', 'd'].map(async (shard) => {
        const commits: Commit[] = [];
        for (let n = 0; n < 10; n++) commits.push(await history.commit(`${shard}${n % 2}`));
        return commits;
      }),
    );
    await Promise.all(
      shards.map(async (commits) => {
        const writer = newWriter();
        for (let start = 0; start < commits.length; start += 3) await writer.append(commits.slice(start, start + 4));
      }),
    );
    const logged = await places();
    expect(logged.toSorted()).toEqual(history.written.map(placeOf).toSorted());
    for (const [shard] of shards.entries()) {
      const places = shards[shard]?.map(placeOf) ?? [];
      expect(logged.filter((place) => places.includes(place))).toEqual(places);
    }
    const pages = await Array.fromAsync(storage.read('all', { after: 0 }));
    expect(pages.map(({ page }) => page)).toEqual(pages.map((_, index) => index + 1));
    let next = 1;
    for (const { firstEvent, count } of pages) {
      expect(firstEvent).toBe(next);
      next += count;
    }
  });

  test('commits that a delivery lacks are read from the store and logged first', async () => {
    const { history, writer, places } = await open(createStorage);
    for (let n = 0; n < 6; n++) await history.commit('1', 2);
    const [first, , , fourth, , sixth] = history.written as Commit[] as [
      Commit,
      Commit,
      Commit,
      Commit,
      Commit,
      Commit,
    ];
    await writer.append([first]);
    await writer.append([sixth, fourth]);
    expect(await places()).toEqual(history.written.map(placeOf));
  });

  test('a commit that arrives before earlier commits is logged after them', async () => {
    const { history, writer, newWriter, places } = await open(createStorage);
    const [first, second] = [await history.commit('1'), await history.commit('1')];
    await writer.append([second]);
    await newWriter().append([first, second]);
    expect(await places()).toEqual([first, second].map(placeOf));
  });

  test('a new writer finds the commits that were logged hundreds of pages ago', async () => {
    const { history, writer, newWriter, places } = await open(createStorage);
    for (let n = 0; n < 150; n++) await writer.append([await history.commit(`${n % 90}`)]);
    const all = history.written;
    await newWriter().append([...all.slice(0, 2), ...all.slice(60, 70), ...all.slice(100, 102)]);
    await writer.append(all.slice(0, 90));
    const next = await history.commit('0');
    await history.commit('1');
    await newWriter().append([next, await history.commit('1')]);
    expect(await places()).toEqual(history.written.map(placeOf));
  });

  test('a log of an earlier version without marks continues without a repeat or a gap', async () => {
    const { storage, history, newWriter, places } = await open(createStorage);
    const unmarked: LogStorage = { ...forwarding(storage), marks: async () => new Map(), raiseMarks: async () => {} };
    const before = newWriter(unmarked);
    for (let n = 0; n < 80; n++) await before.append([await history.commit(`${n % 70}`)]);
    const unlogged = await history.commit('0');
    await newWriter().append([...history.written.slice(5, 9), await history.commit('0')]);
    await newWriter().append([unlogged, ...history.written.slice(0, 3), await history.commit('69')]);
    expect(await places()).toEqual(history.written.map(placeOf));
  });

  test('a writer that lost its place pauses longer each time, reads, and retries', async () => {
    const { storage, history } = await open(createStorage);
    const pauses: number[] = [];
    const write = (over: LogStorage) =>
      new LogWriter({
        catalogue,
        ...{ storage: over, commits: history.commits, strategy: 'single' },
        pause: async (ms) => void pauses.push(ms),
      });
    const rival = write(storage);
    let calls: string[] = [];
    let rivals = 6;
    const raced = {
      ...forwarding(storage),
      read: (...range: Parameters<LogStorage['read']>) => {
        calls.push('look');
        return storage.read(...range);
      },
      put: async (given: LogPage) => {
        calls.push('put');
        if (rivals-- > 0) await rival.append([await history.commit('rival')]);
        return storage.put(given);
      },
    };
    const writer = write(raced);
    await writer.append([await history.commit('writer')]);
    expect(calls.slice(-4), 'after a lost place the writer reads before it retries').toEqual([
      'look',
      'put',
      'look',
      'put',
    ]);
    expect(calls.filter((call) => call === 'put')).toHaveLength(7);
    expect(pauses).toHaveLength(6);
    for (const ms of pauses) expect(ms).toBeGreaterThan(0);
    expect(Math.max(...pauses)).toBeGreaterThan(Math.min(...pauses));
    await rival.append([await history.commit('rival')]);
    calls = [];
    await writer.append([await history.commit('writer')]);
    expect(calls, 'beside other writers it reads first').toEqual(['look', 'look', 'put']);
    await rival.append([await history.commit('rival')]);
    calls = [];
    await writer.append([await history.commit('writer')]);
    expect(calls, 'it reads again after it has found commits').toEqual(['look', 'look', 'put']);
    calls = [];
    await writer.append([await history.commit('writer')]);
    expect(calls, 'without other writers it reads once').toEqual(['look', 'put']);
  });

  test('a large batch becomes several pages', async () => {
    const { storage, history, writer, places } = await open(createStorage);
    for (let n = 0; n < 5; n++) await history.commit(`${n}`, [step(noise(370_000 - n * 1_000))]);
    await writer.append(history.written);
    expect(await places()).toEqual(history.written.map(placeOf));
    expect((await storage.last('all'))?.page).toBe(5);
  });

  test('a commit with a damaged body is logged unchanged, and its read is an error that names it', async () => {
    const { history, writer, log } = await open(createStorage);
    const damaged = { ...(await history.commit('1')), body: Uint8Array.of(9, 1, 2) };
    await writer.append([damaged, await history.commit('2')]);
    const [first, second] = await Array.fromAsync(log.commits(undefined));
    expect([...(first?.commit.body ?? [])]).toEqual([9, 1, 2]);
    await expect(Array.fromAsync(log.events(undefined))).rejects.toThrow('version 1 of stream agent-1 cannot be read');
    expect(await Array.fromAsync(log.events(first?.position))).toHaveLength(1);
    expect(second?.commit.stream).toBe('agent-2');
  });

  test('a log that is divided during repeated deliveries has every commit once, and keeps the order of each stream', async () => {
    const { storage, history, newWriter } = await open(createStorage);
    const newDivided = () =>
      new LogWriter({ catalogue, storage, commits: history.commits, strategy: 'by_aggregate_type' });
    const before = newWriter();
    for (let n = 0; n < 40; n++) await before.append([await history.commit(`${n % 7}`)]);
    const unlogged = await history.commit('3');
    await newDivided().append([...history.written.slice(30, 40), unlogged]);
    await expect(before.append([await history.commit('3')])).rejects.toThrow(PartitionStrategyError);
    await newDivided().append(history.written.slice(0, 3));
    await newDivided().append(history.written);
    const log = new EventLog({ catalogue, storage, strategy: 'by_aggregate_type' });
    const places = (await Array.fromAsync(log.commits(undefined))).map(({ commit }) => placeOf(commit));
    expect(places).toEqual(history.written.map(placeOf));
  });

  test('a divided log cannot be one chain again, and the error of writers has a remedy', async () => {
    const { storage, history, writer, newWriter } = await open(createStorage, 'by_aggregate_type');
    await writer.append([await history.commit('1')]);
    const single = { storage, strategy: 'single' } as const;
    const todo = 'set partition_strategy back to by_aggregate_type';
    await expect(
      new LogWriter({ catalogue, ...single, commits: history.commits }).append(history.written),
    ).rejects.toThrow(todo);
    expect(
      (await new EventLog({ catalogue, ...single }).getEventsAfter(undefined)).events,
      'readers follow the log',
    ).toHaveLength(1);
    await newWriter().append(history.written);
    expect((await storage.last('agent'))?.page).toBe(1);
  });

  test('a log that an earlier version divided cannot be one chain again either', async () => {
    const { storage, history, writer } = await open(createStorage);
    await storage.put(page(1, { partition: 'agent' }));
    await expect(writer.append([await history.commit('1')])).rejects.toThrow(PartitionStrategyError);
  });

  test('each aggregate type has a chain when the log is divided by type', async () => {
    const { storage, history, writer, log } = await open(createStorage, 'by_aggregate_type');
    const workflow = { workflowId: '1', workflowType: 'w', initiatedBy: 'test', parameters: {} };
    await history.store.append('workflow-1', [{ type: 'workflow.started', data: workflow }], { expectedVersion: 0 });
    const started = await Array.fromAsync(history.store.commits('workflow-1'));
    await writer.append([await history.commit('1', 2), ...started, await history.commit('1')]);
    expect((await storage.last('agent'))?.count).toBe(3);
    expect((await storage.last('workflow'))?.count).toBe(1);
    const all = await Array.fromAsync(log.events(undefined));
    expect(all).toHaveLength(4);
    expect(
      (await Array.fromAsync(log.events(undefined, { aggregateType: 'workflow' }))).map(({ type }) => type),
    ).toEqual(['workflow.started']);
    for (const [index, { position }] of all.entries()) {
      const rest = await Array.fromAsync(log.events(position));
      expect(rest.map(({ id }) => id)).toEqual(all.slice(index + 1).map(({ id }) => id));
    }
  });
}

function shardedContract(createStorage: () => Promise<LogStorage>): void {
  const sharded = (shards: number) => ({ strategy: 'sharded', shards }) as const;

  /** A log that had one chain, then three, then five, with a stream that continues through all of them. */
  async function divided() {
    const { storage, history } = await open(createStorage);
    const newWriter = (partitioning: Partitioning) =>
      new LogWriter({ catalogue, storage, commits: history.commits, ...partitioning, pause: async () => {} });
    for (const partitioning of [{ strategy: 'single' }, sharded(3), sharded(5)] as const) {
      const writer = newWriter(partitioning);
      for (let n = 0; n < 12; n++) {
        history.now += 1_000;
        await writer.append([await history.commit(`${n % 7}`, 2), await history.commit(`${n % 5}`)]);
      }
    }
    const log = new EventLog({ catalogue, storage, ...sharded(5) });
    return { storage, history, newWriter, log };
  }

  const numbers = (events: readonly { aggregateId: string; sequenceNumber: number }[]) =>
    Object.fromEntries(
      [...Map.groupBy(events, ({ aggregateId }) => aggregateId)].map(([id, ofStream]) => [
        id,
        ofStream.map(({ sequenceNumber }) => sequenceNumber),
      ]),
    );

  async function stored(history: History) {
    const streams = [...new Set(history.written.map(({ stream }) => stream))];
    const events = await Promise.all(streams.map((stream) => Array.fromAsync(history.store.read(stream))));
    return numbers(events.flat());
  }

  test('a stream goes to one chain by its hash, and every chain has pages and events without gaps', async () => {
    const { storage, history } = await divided();
    const seen = new Map<string, Set<string>>();
    let events = 0;
    for (const partition of await allPartitions({ storage, catalogue })) {
      const pages = await Array.fromAsync(storage.read(partition, { after: 0 }));
      expect(pages.map(({ page: number }) => number)).toEqual(pages.map((_, index) => index + 1));
      events += pages.reduce((sum, { count }) => sum + count, 0);
      const layout = /of\d+$/.exec(partition)?.[0] ?? partition;
      for (const { stream } of pages.flatMap((page) => commitsOf(page))) {
        const key = `${stream} ${layout}`;
        seen.set(key, (seen.get(key) ?? new Set()).add(partition));
      }
    }
    expect(events).toBe(history.written.reduce((sum, { count }) => sum + count, 0));
    expect([...seen.values()].every(({ size }) => size === 1)).toBe(true);
    expect(new Set([...seen.values()].flatMap((partitions) => [...partitions])).size).toBeGreaterThan(5);
  });

  test('a reader gets every event once, in the order of each stream, and continues after any position', async () => {
    const { history, log } = await divided();
    const all = await Array.fromAsync(log.events(undefined));
    expect(numbers(all)).toEqual(await stored(history));
    const positions = all.map(({ position }) => position);
    expect(positions).toEqual([...new Set(positions)].toSorted());
    for (const limit of [1, 7]) {
      const read = [];
      for (let after: string | undefined, caughtUp = false; !caughtUp; ) {
        const slice = await log.getEventsAfter(after, { limit });
        read.push(...slice.events);
        expect(slice.next >= (after ?? '')).toBe(true);
        ({ next: after, caughtUp } = slice);
      }
      expect(read).toEqual(all);
    }
    for (const [index, position] of positions.entries()) {
      const { events } = await log.getEventsAfter(position, { limit: 1 });
      expect(events.map(({ id }) => id)).toEqual(all.slice(index + 1, index + 2).map(({ id }) => id));
    }
    expect(await log.getEventsAfter(positions.at(-1))).toEqual({ events: [], next: await endOf(log), caughtUp: true });
  });

  test('a waiting reader follows when the log is divided, also with another configuration', async () => {
    const { storage, history, newWriter } = await open(createStorage).then((opened) => ({
      ...opened,
      newWriter: (partitioning: Partitioning) =>
        new LogWriter({ catalogue, storage: opened.storage, commits: opened.history.commits, ...partitioning }),
    }));
    await newWriter({ strategy: 'single' }).append([await history.commit('1')]);
    const log = new EventLog({ catalogue, storage, strategy: 'single' });
    const { next } = await log.getEventsAfter(undefined);
    await newWriter(sharded(4)).append([await history.commit('1'), await history.commit('2')]);
    const { events } = await log.getEventsAfter(next);
    expect(numbers(events)).toEqual({ 1: [2], 2: [1] });
    await newWriter(sharded(9)).append([await history.commit('2')]);
    expect(numbers((await log.getEventsAfter(events.at(-1)?.position)).events)).toEqual({ 2: [2] });
  });

  test('time ranges and types are found in all chains, old and new', async () => {
    const { history, log } = await divided();
    const everything = await Array.fromAsync(log.events(undefined));
    const times = [...new Set(history.written.map(({ recordedAt }) => recordedAt))].toSorted();
    for (const [from, to] of [
      [0, 3],
      [9, 30],
      [30, 60],
      [70, 71],
    ]) {
      const [start = '', end = ''] = [times[from ?? 0], times[to ?? 0]];
      const inside = everything.filter(({ metadata: { recordedAt } }) => recordedAt >= start && recordedAt <= end);
      expect(inside.length).toBeGreaterThan(0);
      expect(numbers(await Array.fromAsync(log.getEventsByTimeRange(start, end)))).toEqual(numbers(inside));
      const later = everything.filter(({ metadata: { recordedAt } }) => recordedAt >= start);
      const found = await Array.fromAsync(log.events(undefined, { from: start }));
      expect(numbers(found)).toEqual(numbers(later));
    }
    expect(await Array.fromAsync(log.getEventsByType('agent.created'))).toEqual([]);
    expect(numbers(await Array.fromAsync(log.events(undefined, { aggregateType: 'agent' })))).toEqual(
      await stored(history),
    );
  });

  test('fewer partitions and one chain are refused with a remedy, and nothing is written', async () => {
    const { history, newWriter, log } = await divided();
    const end = await endOf(log);
    const commit = await history.commit('1');
    for (const wanted of [sharded(4), { strategy: 'single' }, { strategy: 'by_aggregate_type' }] as const) {
      const refused = newWriter(wanted).append([commit]);
      await expect(refused).rejects.toThrow('set partition_strategy back to sharded with 5 log_shards or more');
      await expect(refused).rejects.toThrow(PartitionStrategyError);
    }
    expect(await endOf(log)).toBe(end);
    await newWriter(sharded(5)).append([commit]);
    expect((await log.getEventsAfter(end)).events).toHaveLength(1);
  });

  test('a writer of the previous layout stops, and its remaining commits are logged once', async () => {
    const { storage, history } = await open(createStorage);
    const newWriter = (shards: number) =>
      new LogWriter({ catalogue, storage, commits: history.commits, ...sharded(shards) });
    const before = newWriter(2);
    for (let n = 0; n < 6; n++) await before.append([await history.commit(`${n}`)]);
    await newWriter(6).append(history.written);
    for (let n = 0; n < 6; n++)
      await expect(before.append([await history.commit(`${n}`)])).rejects.toThrow(PartitionStrategyError);
    await newWriter(6).append(history.written);
    const log = new EventLog({ catalogue, storage, ...sharded(6) });
    expect(numbers(await Array.fromAsync(log.events(undefined)))).toEqual(await stored(history));
  });

  test('a log that an earlier version divided by type is sharded, and positions of that version still hold', async () => {
    const { storage, history } = await open(createStorage);
    const write = (partitioning: Partitioning) =>
      new LogWriter({ catalogue, storage, commits: history.commits, ...partitioning });
    await write({ strategy: 'single' }).append([await history.commit('1'), await history.commit('2')]);
    // That version closed the single chain and kept no layouts.
    await storage.put(
      page(2, { firstEvent: 3, count: 0, body: Uint8Array.of(0), through: '2026-01-05T09:00:00.002Z' }),
    );
    await storage.raiseMarks(new Map(Object.entries({ 'agent-1': 1, 'agent-2': 1, all: 2 })));
    const log = new EventLog({ catalogue, storage, strategy: 'by_aggregate_type' });
    expect((await log.getEventsAfter('000000000002.agent_1_0.all_3_0')).events).toEqual([]);
    await write(sharded(3)).append([await history.commit('1'), await history.commit('2')]);
    for (const position of ['000000000002.agent_1_0.all_3_0', '000000000001.all_1_1']) {
      const { events } = await log.getEventsAfter(position);
      expect(numbers(events)[1]).toEqual([2]);
    }
    expect(numbers(await Array.fromAsync(log.events(undefined)))).toEqual(await stored(history));
  });
}

function readerContract(createStorage: () => Promise<LogStorage>): void {
  /** Twenty pages with one to three commits, one second apart. The text of event n is n. */
  async function filled() {
    const opened = await open(createStorage);
    const { history, writer } = opened;
    let number = 0;
    for (let at = 0; at < 20; at++) {
      history.now = at * 1_000;
      const commits: Commit[] = [];
      for (let n = 0; n <= at % 3; n++) {
        const events = Array.from({ length: 1 + (at % 2) }, () => step(String(++number)));
        commits.push(await history.commit(`${at % 4}`, events));
      }
      await writer.append(commits);
    }
    const texts = (events: readonly { data: unknown }[]) =>
      events.map(({ data }) => Number((data as { action: string }).action));
    return { ...opened, count: number, texts };
  }
  const upTo = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, index) => first + index);

  test('slices of any size continue without a gap or a repeat', async () => {
    const { log, count, texts } = await filled();
    for (const limit of [1, 2, 7, 1000]) {
      const read: number[] = [];
      const positions: string[] = [];
      for (let after: string | undefined, caughtUp = false; !caughtUp; ) {
        const slice = await log.getEventsAfter(after, { limit });
        read.push(...texts(slice.events));
        positions.push(...slice.events.map(({ position }) => position));
        ({ next: after, caughtUp } = slice);
        if (caughtUp) expect(after).toBe(await endOf(log));
      }
      expect(read).toEqual(upTo(1, count));
      expect(positions).toEqual([...new Set(positions)].toSorted());
    }
  });

  test('a reader at the end stays there until the next event', async () => {
    const { log, history, writer, count, texts } = await filled();
    const end = await endOf(log);
    expect(Number.parseInt(end.slice(0, 12), 16)).toBe(count);
    expect(await log.getEventsAfter(end)).toEqual({ events: [], next: end, caughtUp: true });
    const waiting = log.getEventsAfter(end, { waitMs: 5_000 });
    await writer.append([await history.commit('9', [step('99')])]);
    expect(texts((await waiting).events)).toEqual([99]);
    const idle = await log.getEventsAfter((await waiting).next, { waitMs: 30 });
    expect(idle.events).toEqual([]);
  });

  test('time ranges have exactly the events that were recorded in them', async () => {
    const { log, texts } = await filled();
    const everything = await Array.fromAsync(log.events(undefined));
    const times = [...new Set(everything.map(({ metadata }) => metadata.recordedAt))];
    for (const [from, to] of [
      [0, 1],
      [3, 3],
      [5, 17],
      [times.length - 1, times.length - 1],
    ] as const) {
      const [start = '', end = ''] = [times[from], times[to]];
      const inside = everything.filter(({ metadata: { recordedAt } }) => recordedAt >= start && recordedAt <= end);
      expect(texts(await Array.fromAsync(log.getEventsByTimeRange(start, end)))).toEqual(texts(inside));
      const before = everything.filter(({ metadata: { recordedAt } }) => recordedAt <= end);
      expect(texts(await Array.fromAsync(log.getEventsBeforeTimestamp(end)))).toEqual(texts(before));
      const later = everything.filter(({ metadata: { recordedAt } }) => recordedAt >= start);
      expect(texts(await Array.fromAsync(log.events(undefined, { from: start })))).toEqual(texts(later));
    }
    expect(await Array.fromAsync(log.getEventsByTimeRange('2027-01-01T00:00:00Z', '2028-01-01T00:00:00Z'))).toEqual([]);
    expect(await Array.fromAsync(log.getEventsBeforeTimestamp('2020-01-01T00:00:00+02:00'))).toEqual([]);
  });

  test('an event that was recorded early and logged late is in its time range', async () => {
    const { log, history, writer } = await open(createStorage);
    const late = await history.commit('late');
    for (let n = 0; n < 30; n++) {
      history.now += 60_000;
      await writer.append([await history.commit(`${n}`)]);
    }
    await writer.append([late]);
    await writer.append([await history.commit('last')]);
    const found = await Array.fromAsync(log.getEventsByTimeRange(late.recordedAt, late.recordedAt));
    expect(found.map(({ aggregateId }) => aggregateId)).toEqual(['late']);
  });

  test('events are selected by type, and an empty slice still continues', async () => {
    const { log, history, writer } = await open(createStorage);
    const created = { agentId: '1', agentType: 'coder', configuration: {}, createdBy: 'test' };
    for (let n = 0; n < 10; n++) await writer.append([await history.commit(`${n}`, 2)]);
    await writer.append([await history.commit('x', [{ type: 'agent.created', data: created }, step('x')])]);
    const byType = await Array.fromAsync(log.getEventsByType('agent.created'));
    expect(byType.map(({ aggregateId, sequenceNumber }) => [aggregateId, sequenceNumber])).toEqual([['x', 1]]);
    const slice = await log.getEventsAfter(undefined, { types: ['workflow.started'] });
    expect(slice).toEqual({ events: [], next: await endOf(log), caughtUp: true });
  });

  test('a missing page is an error that names it, not a silent gap', async () => {
    const { storage, log } = await open(createStorage);
    for (const number of [1, 3]) await storage.put(page(number, { types: ['none'] }));
    await expect(log.getEventsAfter(undefined, { types: ['agent.created'] })).rejects.toThrow('page 2 of the log');
  });

  test('an invalid position is refused', async () => {
    const { log } = await open(createStorage);
    for (const position of [
      '',
      'x',
      '00000000000g',
      '000000000001.all_0_0',
      '000000000001.all_1',
      "000000000001.all_1_0'",
    ]) {
      await expect(log.getEventsAfter(position)).rejects.toThrow('is no position');
    }
  });
}

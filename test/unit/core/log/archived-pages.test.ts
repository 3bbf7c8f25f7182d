import { describe, expect, it } from 'vitest';
import type { DomainEvent } from '../../../../core/events/catalogue.ts';
import { LogArchive } from '../../../../core/log/archive.ts';
import { LogArchiver } from '../../../../core/log/archiver.ts';
import { EventStream } from '../../../../core/log/event-stream.ts';
import { EventLog } from '../../../../core/log/log.ts';
import { LogWriter } from '../../../../core/log/writer.ts';
import { LogReplay } from '../../../../core/replays/log-replay.ts';
import { decodeCommit } from '../../../../core/store/commit.ts';
import { seePages } from '../../../../core/verification/log-pages.ts';
import { catalogue } from '../../../support/application.ts';
import { History } from '../../../support/history.ts';
import { LazyLogStorage } from '../../../support/memory-log.ts';
import { MemoryObjectStore } from '../../../support/memory-objects.ts';
import { randomOf } from '../../../support/random.ts';

type Random = ReturnType<typeof randomOf>;

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const START = Date.parse('2026-01-05T09:00:00.000Z');
const SEEDS = Number(process.env['ANNALS_LOG_SEEDS'] ?? 25);

/** A log over a storage that removes pages when it is told, and clocks that jump both ways between two pages. */
async function logOf(random: Random, pages: number) {
  const [storage, objects, history] = [new LazyLogStorage(), new MemoryObjectStore(), new History()];
  const writer = new LogWriter({ catalogue, storage, commits: history.commits, strategy: 'single' });
  let time = 0;
  for (let n = 0; n < pages; n++) {
    time += random.between(0, 2 * HOUR_MS);
    const ahead = random.percent(3) ? random.between(1, 7_900 * 365) * DAY_MS : 0;
    const behind = random.percent(10) ? random.between(0, 40) * DAY_MS : 0;
    history.now = time + ahead - behind;
    await writer.append([await history.commit(`${random.between(0, 4)}`, random.between(1, 3))]);
  }
  const places = { storage, strategy: 'single', archive: new LogArchive(objects) } as const;
  const archiver = (days: number) =>
    new LogArchiver({
      catalogue,
      ...{ storage, strategy: 'single', archive: new LogArchive(objects) },
      ...{ retentionDays: 10, compression: true, now: () => new Date(START + time + days * DAY_MS) },
    });
  return { storage, history, places, archiver };
}

type Place = Pick<DomainEvent, 'aggregateId' | 'sequenceNumber'>;
const named = (events: readonly Place[]) =>
  events.map(({ aggregateId, sequenceNumber }) => `${aggregateId} ${sequenceNumber}`);

/** Every reader there is, from anywhere, over any time. Each has to see what the log held before any page left it. */
async function assertAllIsSeen(
  { places, history, storage }: Awaited<ReturnType<typeof logOf>>,
  all: readonly DomainEvent[],
  random: Random,
) {
  const log = new EventLog({ catalogue, ...places });
  const inOrder = await Array.fromAsync(log.events(undefined));
  expect(named(inOrder)).toEqual(named(all));
  const start = random.between(0, inOrder.length - 1);
  const sliced: Place[] = [];
  for (let [after, caughtUp] = [inOrder[start]?.position, false]; !caughtUp; ) {
    const slice = await log.getEventsAfter(after, { limit: random.between(1, 20) });
    sliced.push(...slice.events);
    [after, caughtUp] = [slice.next, slice.caughtUp];
  }
  expect(named(sliced)).toEqual(named(all.slice(start + 1)));
  const times = all.map(({ metadata }) => metadata.recordedAt).toSorted();
  const from = times[random.between(0, times.length - 1)] ?? '';
  const to = random.percent(20) ? '9999-12-31T23:59:59.999Z' : (times[random.between(0, times.length - 1)] ?? '');
  const inside = ({ metadata: { recordedAt } }: Pick<DomainEvent, 'metadata'>) =>
    recordedAt >= from && recordedAt <= to;
  expect(named(await Array.fromAsync(log.getEventsByTimeRange(from, to)))).toEqual(named(all.filter(inside)));
  if (Date.parse(to) < Date.now()) {
    const stream = new EventStream(log, { from, to }).getEventIterator();
    expect(named(await Array.fromAsync(stream))).toEqual(named(all.filter(inside)));
  }
  const replay = new LogReplay({ catalogue, ...places });
  const replayed: DomainEvent[] = [];
  for (const extent of await replay.extents({ from, to })) {
    for await (const { commits } of replay.pages(extent, { from, to }))
      replayed.push(...commits.flatMap((c) => [...decodeCommit(c, catalogue)]));
  }
  expect(named(replayed.filter(inside))).toEqual(named(all.filter(inside)));
  const seen = await Array.fromAsync(seePages(places, 'all', 1));
  expect(seen.map((page) => ('page' in page ? page.page.page : page))).toEqual(seen.map((_, index) => index + 1));
  // A writer that knows nothing, and gets everything again, logs nothing twice.
  const last = await storage.last('all');
  await new LogWriter({ catalogue, ...places, commits: history.commits }).append(history.written);
  expect(await storage.last('all')).toEqual(last);
}

describe('pages that left the storage', () => {
  it(`are read from the archive, in whatever order they went, whatever clocks did, for ${SEEDS} seeds`, async () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const random = randomOf(seed);
      const stage = await logOf(random, random.between(2, 80));
      const all = await Array.fromAsync(new EventLog({ catalogue, ...stage.places }).events(undefined));
      for (const days of [random.between(0, 8), random.between(8, 12), 14]) {
        await stage.archiver(days).run();
        for (let left = random.between(1, stage.storage.removable + 1); left > 0; left -= random.between(1, 9)) {
          await stage.storage.remove(random.between(0, stage.storage.removable - 1));
        }
        await assertAllIsSeen(stage, all, random);
      }
      while (stage.storage.removable > 0) await stage.storage.remove(0);
      await assertAllIsSeen(stage, all, random);
    }
  });

  it('may be more than 10,000', async () => {
    const [storage, objects, history] = [new LazyLogStorage(), new MemoryObjectStore(), new History()];
    const writer = new LogWriter({ catalogue, storage, commits: history.commits, strategy: 'single' });
    const random = randomOf(1);
    for (let n = 0; n < 10_300; n++) await writer.append([await history.commit(`${n % 7}`)]);
    history.now = 20 * DAY_MS;
    for (let n = 0; n < 10; n++) await writer.append([await history.commit(`${n % 7}`)]);
    const archiver = new LogArchiver({
      catalogue,
      ...{ storage, strategy: 'single', archive: new LogArchive(objects), retentionDays: 10, compression: true },
      now: () => new Date(START + history.now),
    });
    expect(await archiver.run()).toEqual({ segments: 11, pages: 10_300, events: 10_300 });
    for (let n = 0; n < 10_200; n++) await storage.remove(random.between(0, storage.removable - 1));
    const places = { storage, strategy: 'single', archive: new LogArchive(objects) } as const;
    expect(await Array.fromAsync(new EventLog({ catalogue, ...places }).events(undefined))).toHaveLength(10_310);
    const fresh = new LogWriter({ catalogue, ...places, commits: history.commits });
    await fresh.append([...history.written.slice(0, 3), await history.commit('0')]);
    expect((await storage.last('all'))?.page).toBe(10_311);
    expect(await archiver.run()).toEqual({ segments: 0, pages: 0, events: 0 });
  });

  it('are taken in by a writer that did not see them before they left', async () => {
    const [storage, objects, history] = [new LazyLogStorage(), new MemoryObjectStore(), new History()];
    const places = { storage, strategy: 'single', archive: new LogArchive(objects) } as const;
    const newWriter = () => new LogWriter({ catalogue, ...places, commits: history.commits, pause: async () => {} });
    const [one, other] = [newWriter(), newWriter()];
    for (const writer of [one, other, one]) await writer.append([await history.commit('a')]); // the one knows that there is another
    for (let n = 0; n < 3; n++) await other.append([await history.commit('b')]);
    history.now = 20 * DAY_MS;
    for (let n = 0; n < 3; n++) await other.append([await history.commit('c')]);
    const now = () => new Date(START + history.now);
    await new LogArchiver({ catalogue, ...places, retentionDays: 10, compression: true, now }).run();
    while (storage.removable > 0) await storage.remove(0);
    await one.append(history.written);
    const events = await Array.fromAsync(new EventLog({ catalogue, ...places }).events(undefined));
    expect(named(events)).toEqual(['a 1', 'a 2', 'a 3', 'b 1', 'b 2', 'b 3', 'c 1', 'c 2', 'c 3']);
  });
});

import { UnavailableError } from '../../../core/base/errors.ts';
import { turn } from '../../../core/base/turns.ts';
import { LogArchive } from '../../../core/log/archive.ts';
import { LogArchiver } from '../../../core/log/archiver.ts';
import { EventLog } from '../../../core/log/log.ts';
import { LogWriter } from '../../../core/log/writer.ts';
import { type Commit, endOf } from '../../../core/store/commit.ts';
import { type SeenPage, seePages } from '../../../core/verification/log-pages.ts';
import { catalogue } from '../application.ts';
import { History } from '../history.ts';
import { LazyLogStorage } from '../memory-log.ts';
import { MemoryObjectStore } from '../memory-objects.ts';
import { randomOf } from '../random.ts';
import { follow } from './reader.ts';
import { type Random, turns, UnreliableLogStorage, UnreliableObjects } from './weather.ts';

const START = Date.parse('2026-01-05T09:00:00.000Z');
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** The true time, and clocks that differ from it: usually by seconds, sometimes by years, in both directions. */
class Time {
  now = 0;
  jumps = 0;
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  pass(mostMs: number): void {
    this.now += this.#random.between(0, mostMs);
  }

  /** The time of a clock, milliseconds after the start. */
  shown(): number {
    const off = this.#random.between(-1_000, 1_000);
    if (!this.#random.percent(3)) return this.now + off;
    this.jumps += 1;
    return this.now + off + this.#random.between(-30, 60) * 365 * DAY_MS;
  }

  readonly clock = (): Date => new Date(START + this.shown());
}

interface World {
  readonly random: Random;
  readonly time: Time;
  readonly storage: LazyLogStorage;
  readonly history: History;
  readonly unreliable: UnreliableLogStorage;
  readonly objects: MemoryObjectStore;
  readonly unreliableObjects: UnreliableObjects;
  /** What happened, for the figures. */
  readonly counts: Counts;
  over: boolean;
}

/** The number of times that each simulated case happened. */
export interface Counts {
  appends: number;
  restarts: number;
  redelivered: number;
  archiveRuns: number;
  archiveCrashes: number;
  removed: number;
  reads: number;
}

/**
 * Streams in shards, as a table's stream has them: a stream is in one shard, in its order. Commits come while the rest
 * runs.
 */
async function produce(world: World, shards: Commit[][]): Promise<void> {
  const { random, time, history } = world;
  for (let n = random.between(10, 60); n > 0; n--) {
    const shard = random.between(0, shards.length - 1);
    time.pass(12 * HOUR_MS);
    history.now = time.shown();
    shards[shard]?.push(await history.commit(`${shard}-${random.between(0, 3)}`, random.between(1, 3)));
    await turns(random, 60);
  }
}

/**
 * Takes a shard to the log as a function does that crashes anywhere: batches are cut anew each time, come again, also
 * from far back, lack a commit, have one without its body, and go to a writer that knows nothing or to one that was
 * frozen.
 */
async function relay(world: World, commits: readonly Commit[], isComplete: () => boolean): Promise<void> {
  const { random, time, counts } = world;
  const newWriter = () =>
    new LogWriter({
      catalogue,
      ...placesOf(world),
      ...{ commits: world.history.commits, now: time.clock, pause: () => turns(random, 20) },
    });
  const writers = [newWriter(), newWriter()];
  for (let done = 0; !isComplete() || done < commits.length; ) {
    await turns(random, 20);
    time.pass(HOUR_MS / 6);
    const back = random.percent(15) ? random.between(1, random.percent(20) ? commits.length : 12) : 0;
    const start = Math.max(0, done - back);
    const end = Math.min(commits.length, Math.max(done, start) + random.between(1, 8));
    const batch = damaged(commits.slice(start, end), random);
    counts.appends += 1;
    counts.redelivered += Math.min(done, end) - start;
    try {
      await writers[random.percent(20) ? 1 : 0]?.append(batch);
      if (!random.percent(15)) done = end; // otherwise it crashed before the batch was acknowledged
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error;
    }
    if (!random.percent(15)) continue;
    counts.restarts += 1;
    writers[random.between(0, 1)] = newWriter();
  }
}

/**
 * A batch as a delivery may have it: the first commit of it left out, or one without its body. The last one is there.
 */
function damaged(batch: readonly Commit[], random: Random): Commit[] {
  const isLast = (commit: Commit) =>
    !batch.some((other) => other.stream === commit.stream && other.version > commit.version);
  return batch
    .filter((commit) => isLast(commit) || !random.percent(5))
    .map((commit) => (random.percent(3) ? { ...commit, body: new Uint8Array() } : commit));
}

/**
 * Archives what is due again and again, each run a new process. Every other one dies, at one call further on each time.
 */
async function archive(world: World): Promise<void> {
  const { random, time, counts } = world;
  for (let run = 0; !world.over; run++) {
    await turns(random, 60);
    let calls = 0;
    const dying = new Proxy(world.unreliable, {
      get: (target, name) => {
        if (run % 2 === 0 && calls++ === run / 2) throw new UnavailableError('died');
        const member = Reflect.get(target, name);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
    await archiveOnce({ ...world, unreliable: dying }, time.clock);
    counts.archiveRuns += 1;
  }
}

async function archiveOnce(world: World, now: () => Date): Promise<void> {
  const options = { retentionDays: 1, compression: false, now };
  try {
    await new LogArchiver({ catalogue, ...placesOf(world), ...options }).run();
  } catch (error) {
    if (!(error instanceof UnavailableError)) throw error;
    world.counts.archiveCrashes += 1;
  }
}

/** Removes archived pages in any order, at least a day after their expiry. */
async function removePages({ storage, random, counts }: World, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    await turns(random, 100);
    if (storage.removable === 0) continue;
    await storage.remove(random.between(0, storage.removable - 1));
    counts.removed += 1;
  }
}

const placesOf = ({ unreliable, unreliableObjects }: World) => ({
  storage: unreliable,
  archive: new LogArchive(unreliableObjects),
  strategy: 'single' as const,
});

/** A reader that sometimes continues in a new process. */
function reader(world: World): Promise<string[]> {
  const { random, counts } = world;
  let log = new EventLog({ catalogue, ...placesOf(world) });
  const next = () => {
    if (random.percent(5)) log = new EventLog({ catalogue, ...placesOf(world) });
    counts.reads += 1;
    return log;
  };
  return follow({ random, log: next, isOver: () => world.over });
}

/** Two time ranges, as a reader finds them at the end, and as they are in the history. */
async function ranges({ storage, objects, history, random }: World) {
  const log = new EventLog({ catalogue, storage, archive: new LogArchive(objects), strategy: 'single' });
  const times = history.written.map(({ recordedAt }) => recordedAt);
  const some = () => times[random.between(0, times.length - 1)] ?? '';
  const asked = [1, 2].map(() => ({ from: some(), to: some() }));
  return Promise.all(
    asked.map(async ({ from, to }) => {
      const found = await Array.fromAsync(log.getEventsByTimeRange(from, to));
      const inside = history.written.filter(({ recordedAt }) => recordedAt >= from && recordedAt <= to);
      return {
        found: found.map(({ aggregateId, sequenceNumber }) => `${aggregateId} ${sequenceNumber}`).toSorted(),
        expected: inside.flatMap(numbersOf).toSorted(),
      };
    }),
  );
}

export interface Outcome {
  /**
   * The pages wherever they are, once all that is due is archived and gone from the storage, and once more after that.
   */
  readonly pages: readonly SeenPage[];
  readonly pagesAfterRepeat: readonly SeenPage[];
  /** `<stream> <sequence number>` of every event, in the order of its stream. */
  readonly expected: readonly string[];
  /** The same for each reader. */
  readonly seen: readonly (readonly string[])[];
  readonly ranges: readonly { readonly found: readonly string[]; readonly expected: readonly string[] }[];
  readonly counts: Counts & { readonly jumps: number };
}

/**
 * Relays, archiver, clocks, crashes and readers, all from one seed. The same seed does the same while `performance.now`
 * stands still.
 */
export async function simulateLog(seed: number): Promise<Outcome> {
  await turn();
  const random = randomOf(seed);
  const time = new Time(random);
  const storage = new LazyLogStorage(DAY_MS, () => time.now);
  const objects = new MemoryObjectStore();
  const weather = { lost: random.between(0, 15), replyLost: random.between(0, 15), late: random.between(0, 10) };
  const objectWeather = { lost: random.between(0, 2), replyLost: random.between(0, 2), late: 0 }; // a segment takes many calls
  const world: World = {
    ...{ random, time, storage, objects, history: new History(), over: false },
    unreliable: new UnreliableLogStorage(storage, random, weather, () => time.now),
    unreliableObjects: new UnreliableObjects(objects, random, objectWeather),
    counts: { appends: 0, restarts: 0, redelivered: 0, archiveRuns: 0, archiveCrashes: 0, removed: 0, reads: 0 },
  };
  const readers = [reader(world), reader(world)];
  const tidying = [archive(world), removePages(world, () => world.over)];
  await relayAll(world);
  await world.unreliable.settled();
  world.over = true;
  const seen = await Promise.all(readers);
  await Promise.all(tidying);
  const pages = await onlyArchived(world);
  const calm = { storage, archive: new LogArchive(objects), strategy: 'single' } as const;
  await new LogWriter({ catalogue, ...calm, commits: world.history.commits }).append(world.history.written);
  return {
    ...{ pages, seen },
    pagesAfterRepeat: await Array.fromAsync(seePages(calm, 'all', 1)),
    expected: world.history.written.flatMap(numbersOf),
    ranges: await ranges(world),
    counts: { ...world.counts, jumps: time.jumps },
  };
}

async function relayAll(world: World): Promise<void> {
  const shards = Array.from({ length: world.random.between(1, 4) }, (): Commit[] => []);
  let complete = false;
  const producing = produce(world, shards).then(() => {
    complete = true;
  });
  await Promise.all([producing, ...shards.map((commits) => relay(world, commits, () => complete))]);
}

/** Archives all but the last page, and removes what is archived. */
async function onlyArchived(world: World): Promise<SeenPage[]> {
  const { time, storage, objects } = world;
  const calm = { storage, archive: new LogArchive(objects), strategy: 'single' } as const;
  const now = () => new Date(START + time.now + 100 * 365 * DAY_MS);
  await new LogArchiver({ catalogue, ...calm, retentionDays: 1, compression: false, now }).run();
  time.now += 2 * DAY_MS;
  while (storage.removable > 0) await storage.remove(world.random.between(0, storage.removable - 1));
  return Array.fromAsync(seePages(calm, 'all', 1));
}

function numbersOf(commit: Commit): string[] {
  const agent = commit.stream.slice('agent-'.length);
  const numbers: string[] = [];
  for (let n = commit.version; n <= endOf(commit); n++) numbers.push(`${agent} ${n}`);
  return numbers;
}

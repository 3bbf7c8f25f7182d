import { UnavailableError } from '../../../../core/base/errors.ts';
import { allPartitions, LogLayouts } from '../../../../core/log/layouts.ts';
import { EventLog } from '../../../../core/log/log.ts';
import type { LogPage } from '../../../../core/log/page.ts';
import type { LogLayout, Partitioning } from '../../../../core/log/partition.ts';
import { LogWriter } from '../../../../core/log/writer.ts';
import { type Commit, endOf } from '../../../../core/store/commit.ts';
import { catalogue } from '../../../support/application.ts';
import { History } from '../../../support/history.ts';
import { follow } from '../../../support/log-simulation/reader.ts';
import { type Random, turns, UnreliableLogStorage } from '../../../support/log-simulation/weather.ts';
import { MemoryLogStorage } from '../../../support/memory-log.ts';
import { randomOf } from '../../../support/random.ts';

/** Streams in shards, as a table's stream has them: a stream is in one shard, in its order. Clocks differ by up to a second. */
async function shardsOf(random: Random): Promise<{ history: History; shards: Commit[][] }> {
  const history = new History();
  const shards = Array.from({ length: random.between(1, 4) }, (): Commit[] => []);
  for (let n = random.between(10, 60); n > 0; n--) {
    const shard = random.between(0, shards.length - 1);
    history.now += random.between(-1_000, 1_000 + 10_000 * Number(random.percent(5)));
    shards[shard]?.push(await history.commit(`${shard}-${random.between(0, 3)}`, random.between(1, 3)));
  }
  return { history, shards };
}

/**
 * Takes a shard to the log as a function does that crashes anywhere: batches are cut anew each time, come again, come again
 * from further back, and go to a writer that knows nothing.
 */
async function relayShard(commits: readonly Commit[], newWriter: () => LogWriter, random: Random): Promise<void> {
  let writer = newWriter();
  for (let done = 0; done < commits.length; ) {
    const start = random.percent(15) ? Math.max(0, done - random.between(1, 12)) : done;
    const end = Math.min(commits.length, Math.max(done, start) + random.between(1, 8));
    try {
      await writer.append(commits.slice(start, end));
      if (!random.percent(15)) done = end; // else it crashed before its batch was acknowledged
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error;
    }
    if (random.percent(20)) writer = newWriter();
  }
}

/** What the configuration says of partitions, one after another; some writers still have what came before. */
class Configuration {
  readonly #partitionings: readonly Partitioning[];
  readonly #random: Random;
  #current = 0;

  constructor(partitionings: readonly Partitioning[], random: Random) {
    this.#partitionings = partitionings;
    this.#random = random;
  }

  /** What a new process reads. */
  read(): Partitioning {
    if (this.#random.percent(10)) this.change();
    const before = this.#random.percent(15) ? this.#current - 1 : this.#current;
    return this.#partitionings[Math.max(0, before)] ?? { strategy: 'single' };
  }

  change(): void {
    this.#current = Math.min(this.#current + 1, this.#partitionings.length - 1);
  }
}

export interface Outcome {
  /** The pages of each partition. */
  readonly chains: readonly (readonly LogPage[])[];
  readonly layouts: readonly LogLayout[];
  /** `<stream> <sequence number>` of every event there is, in the order of its stream. */
  readonly expected: readonly string[];
  /** The same as each reader has seen it. */
  readonly seen: readonly (readonly string[])[];
}

/** Relays, crashes and readers, all from one seed. */
export async function simulateLog(seed: number, partitionings: readonly Partitioning[] = []): Promise<Outcome> {
  const random = randomOf(seed);
  const storage = new MemoryLogStorage();
  const { history, shards } = await shardsOf(random);
  const weather = { lost: random.between(0, 20), replyLost: random.between(0, 20), late: random.between(0, 10) };
  const unreliable = new UnreliableLogStorage(storage, random, weather, () => history.now);
  const configuration = new Configuration(partitionings, random);
  const newWriter = () =>
    new LogWriter({
      catalogue,
      ...{ storage: unreliable, commits: history.commits, ...configuration.read() },
      pause: () => turns(random, 20),
    });
  const log = new EventLog({ catalogue, storage: unreliable, strategy: 'single' });
  let over = false;
  const readers = [1, 2].map(() => follow({ random, log: () => log, isOver: () => over }));
  await Promise.all(shards.map((commits) => relayShard(commits, newWriter, random)));
  await unreliable.settled();
  over = true;
  return {
    chains: await Promise.all(
      (await allPartitions({ storage, catalogue })).map((partition) =>
        Array.fromAsync(storage.read(partition, { after: 0 })),
      ),
    ),
    layouts: await new LogLayouts({ storage, catalogue }).read(),
    expected: history.written.flatMap((commit) => numbersOf(commit)),
    seen: await Promise.all(readers),
  };
}

function numbersOf(commit: Commit): string[] {
  const agent = commit.stream.slice('agent-'.length);
  const numbers: string[] = [];
  for (let n = commit.version; n <= endOf(commit); n++) numbers.push(`${agent} ${n}`);
  return numbers;
}

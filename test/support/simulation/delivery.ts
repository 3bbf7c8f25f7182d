import { UnavailableError } from '../../../core/base/errors.ts';
import type { Commit } from '../../../core/store/commit.ts';
import { Random } from '../../../testing/simulation/random.ts';
import { type Delivered, ONCE, type SimulationReport, Stage } from './stage.ts';
import { memoryStores } from './stores.ts';

/** A consumer handles a batch; its result or error decides the place of the next delivery. */
type Consumer = (commits: readonly Commit[]) => Promise<readonly { readonly commit: Commit }[]>;

/**
 * One run of the deliveries from the table to the views, the log and the bus on AWS, in memory and in virtual time. The
 * seed decides: the appends and their times, from clocks that jump; the size, number and order of deliveries of batches;
 * the calls that fail before or after their effect, and the functions that crash and lose their memory; the events that
 * the bus or a projection refuses.
 *
 * Faults end at last, and dead letters are redriven. Then every view equals the fold of the appended events, the log has
 * every event once, and the bus got each event at least once. The log keeps the order of each stream. The bus gets the
 * events of a stream for the first time in order, when the deliveries began in order and the bus refused no event of the
 * stream. After a stream is parked, the bus gets none of its later events.
 * @throws Error that names the difference
 */
export async function simulateDelivery(seed: number): Promise<SimulationReport> {
  const stage = new Stage(new Random(seed), memoryStores());
  await stage.appendHistory();
  await new Delivery(stage).run();
  await stage.recover();
  return stage.check();
}

/** A function whose process may end at any time and lose its memory. */
class Lambda {
  readonly #stage: Stage;
  readonly #start: () => Consumer;
  #process: Consumer;

  constructor(stage: Stage, start: () => Consumer) {
    this.#stage = stage;
    this.#start = start;
    this.#process = start();
  }

  invoke(commits: readonly Commit[]): Promise<readonly { readonly commit: Commit }[]> {
    return this.#process(commits);
  }

  restart(): void {
    this.#stage.restarts++;
    this.#process = this.#start();
  }
}

class Delivery {
  readonly #stage: Stage;
  #tries = 0;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  /** Two consumers with different speeds, sometimes with two batches at the same time. */
  async run(): Promise<void> {
    const { random, faults } = this.#stage;
    // Harder than AWS: also the commits of one stream out of order.
    this.#stage.ordered = random.chance(0.5);
    if (!this.#stage.ordered) this.#stage.records = random.shuffled(this.#stage.records, random.from(2, 10));
    const projector = () => this.#deliver(this.#projector(), random.chance(0.3) ? 2 : 1);
    if (random.chance(0.5)) await Promise.all([projector(), projector()]);
    else await projector();
    faults.healthy = false;
    const lanes = random.chance(0.3) ? 2 : 1;
    this.#stage.oneRelay = lanes === 1;
    await this.#deliver(new Lambda(this.#stage, () => this.#stage.relay()), lanes);
  }

  #projector(): Lambda {
    return new Lambda(this.#stage, () => {
      const projector = this.#stage.projector();
      return (commits) => projector.applyOrPark(commits, ONCE, () => {});
    });
  }

  /** Delivers each batch until it is done, one at a time, or two at a time, which no shard does. */
  async #deliver(consumer: Lambda, lanes: number): Promise<void> {
    const { random, records } = this.#stage;
    if (lanes > 1) this.#stage.ordered = false;
    for (let position = 0; position < records.length; ) {
      const batches = Array.from({ length: lanes }, () => {
        const start = position;
        position += random.from(1, 10);
        return this.#deliverBatch(consumer, start, Math.min(position, records.length));
      });
      await Promise.all(batches);
    }
    this.#stage.faults.healthy = false;
  }

  async #deliverBatch(consumer: Lambda, start: number, end: number): Promise<void> {
    const { random, records, faults } = this.#stage;
    for (let position = start; position < end; this.#tries++) {
      faults.healthy = this.#tries > 60; // faults end at last
      const batch = records.slice(position, random.from(position + 1, end));
      const again = random.chance(0.3) ? random.from(1, 4) : 0;
      for (let n = 0; n < again; n++) await this.#invoke(consumer, this.#disturbed(batch, position));
      position += await this.#invoke(consumer, batch);
      if (random.chance(0.1)) consumer.restart();
    }
  }

  /** The same batch in another order, with some earlier records. */
  #disturbed(batch: readonly Delivered[], position: number): Delivered[] {
    const { random, records } = this.#stage;
    const start = Math.max(0, position - random.from(0, 5));
    return random.shuffled([...records.slice(start, position), ...batch], random.from(1, 10));
  }

  /** @returns the number of records that are done: up to the first failure, none after a crash */
  async #invoke(consumer: Lambda, batch: readonly Delivered[]): Promise<number> {
    const { faults } = this.#stage;
    this.#stage.deliveries++;
    faults.dead = false;
    let failed: readonly { readonly commit: Commit }[];
    try {
      failed = await consumer.invoke(batch.map(({ shown }) => shown));
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error;
      if (faults.dead) consumer.restart();
      return 0;
    }
    if (faults.dead) {
      consumer.restart();
      return 0;
    }
    const bad = new Set(failed.map(({ commit }) => commit));
    const lowest = batch.findIndex(({ shown }) => bad.has(shown));
    return lowest < 0 ? batch.length : lowest;
  }
}

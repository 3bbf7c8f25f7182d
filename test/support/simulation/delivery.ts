import { UnavailableError } from '../../../core/base/errors.ts';
import type { Commit } from '../../../core/store/commit.ts';
import { Random } from './random.ts';
import { type Delivered, ONCE, type SimulationReport, Stage } from './stage.ts';
import { memoryStores } from './stores.ts';

/** Consumers see a batch; what they return or throw decides where it is delivered again. */
type Consumer = (commits: readonly Commit[]) => Promise<readonly { readonly commit: Commit }[]>;

/**
 * One run of everything between the table and the views, the log and the bus on AWS, in memory and in virtual time. The
 * seed decides all: what is appended and when, by clocks that jump; how batches are cut, how often and in which order they
 * are delivered; where calls fail before or after their effect, where a function dies and with it all that it remembered;
 * what the bus refuses, which events no projection can take.
 *
 * Faults end at last and dead letters are redriven; then every view has to equal the fold of what was appended, the log to
 * have every event once, the bus to have had each at least once. The log has to keep the order of each stream, and the bus
 * to hear the events of each for the first time in their order, where the deliveries began in order (and the bus refused
 * none of the stream). From the event on at which a stream is parked, the bus hears nothing of it.
 * @throws Error that says what is not so
 */
export async function simulateDelivery(seed: number): Promise<SimulationReport> {
  const stage = new Stage(new Random(seed), memoryStores());
  await stage.appendHistory();
  await new Delivery(stage).run();
  await stage.recover();
  return stage.check();
}

/** A function whose process may end at any time: what it remembers is lost then. */
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

  /** Two consumers, each at its own pace, and now and then two batches at once. */
  async run(): Promise<void> {
    const { random, faults } = this.#stage;
    // Beyond what AWS does: also the commits of one stream out of order.
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

  /** Batch after batch, or two side by side, which no shard does: each until all of it is done with. */
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
      faults.healthy = this.#tries > 60; // no fault lasts for ever
      const batch = records.slice(position, random.from(position + 1, end));
      const again = random.chance(0.3) ? random.from(1, 4) : 0;
      for (let n = 0; n < again; n++) await this.#invoke(consumer, this.#disturbed(batch, position));
      position += await this.#invoke(consumer, batch);
      if (random.chance(0.1)) consumer.restart();
    }
  }

  /** The same batch in disorder, with some of what came earlier. */
  #disturbed(batch: readonly Delivered[], position: number): Delivered[] {
    const { random, records } = this.#stage;
    const start = Math.max(0, position - random.from(0, 5));
    return random.shuffled([...records.slice(start, position), ...batch], random.from(1, 10));
  }

  /** @returns how many records of the batch are done with: up to the first that failed, none when the function died */
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

import { UnavailableError } from '../../core/base/errors.ts';
import type { Commit } from '../../core/store/commit.ts';
import type { Faults } from './faults.ts';
import type { Random } from './random.ts';

/** A stored commit and its delivered copy, which may be damaged. */
export interface Delivered {
  readonly commit: Commit;
  readonly shown: Commit;
}

/** A consumer handles a batch; its result or error decides the place of the next delivery. */
export type Consumer = (commits: readonly Commit[]) => Promise<readonly { readonly commit: Commit }[]>;

/** Deliveries after which no call fails any more. */
const FAULTY_TRIES = 60;

/**
 * The deliveries of stored commits to consumers, as AWS makes them, and harder: batches are cut anywhere, delivered up to
 * five times, in another order, with earlier commits among them. Consumers crash and lose their memory.
 */
export class Deliveries {
  readonly #random: Random;
  readonly #faults: Faults;
  #records: readonly Delivered[];
  #tries = 0;
  /** The deliveries begin in the order in which the commits were appended. */
  ordered = true;
  deliveries = 0;
  restarts = 0;

  constructor(parts: { readonly random: Random; readonly faults: Faults; readonly records: readonly Delivered[] }) {
    this.#random = parts.random;
    this.#faults = parts.faults;
    this.#records = parts.records;
  }

  /** Commits come out of order, also those of one stream. No stream of a table does this. */
  shuffle(): void {
    this.ordered = false;
    this.#records = this.#random.shuffled(this.#records, this.#random.from(2, 10));
  }

  /**
   * Delivers each commit until it is done.
   * @param start starts a process of the consumer
   * @param lanes batches at the same time; more than one, which no shard of a stream has, breaks the order
   */
  async deliver(start: () => Consumer, lanes: number): Promise<void> {
    const consumer = new Process(start, () => this.restarts++);
    const { length } = this.#records;
    if (lanes > 1) this.ordered = false;
    for (let position = 0; position < length; ) {
      const batches = Array.from({ length: lanes }, () => {
        const from = position;
        position += this.#random.from(1, 10);
        return this.#deliverBatch(consumer, from, Math.min(position, length));
      });
      await Promise.all(batches);
    }
  }

  async #deliverBatch(consumer: Process, start: number, end: number): Promise<void> {
    for (let position = start; position < end; this.#tries++) {
      this.#faults.healthy ||= this.#tries > FAULTY_TRIES; // faults end at last
      const batch = this.#records.slice(position, this.#random.from(position + 1, end));
      const again = this.#random.chance(0.3) ? this.#random.from(1, 4) : 0;
      for (let n = 0; n < again; n++) await this.#invoke(consumer, this.#disturbed(batch, position));
      position += await this.#invoke(consumer, batch);
      if (this.#random.chance(0.1)) consumer.restart();
    }
  }

  /** The same batch in another order, with some earlier records. */
  #disturbed(batch: readonly Delivered[], position: number): Delivered[] {
    const start = Math.max(0, position - this.#random.from(0, 5));
    return this.#random.shuffled([...this.#records.slice(start, position), ...batch], this.#random.from(1, 10));
  }

  /** @returns the number of records that are done: up to the first failure, none after a crash */
  async #invoke(consumer: Process, batch: readonly Delivered[]): Promise<number> {
    this.deliveries++;
    this.#faults.dead = false;
    let failed: readonly { readonly commit: Commit }[];
    try {
      failed = await consumer.invoke(batch.map(({ shown }) => shown));
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error;
      if (this.#faults.dead) consumer.restart();
      return 0;
    }
    if (this.#faults.dead) {
      consumer.restart();
      return 0;
    }
    const bad = new Set(failed.map(({ commit }) => commit));
    const lowest = batch.findIndex(({ shown }) => bad.has(shown));
    return lowest < 0 ? batch.length : lowest;
  }
}

/** A consumer whose process may end at any time and lose its memory. */
class Process {
  readonly #start: () => Consumer;
  readonly #onRestart: () => void;
  #consumer: Consumer;

  constructor(start: () => Consumer, onRestart: () => void) {
    this.#start = start;
    this.#onRestart = onRestart;
    this.#consumer = start();
  }

  invoke(commits: readonly Commit[]): Promise<readonly { readonly commit: Commit }[]> {
    return this.#consumer(commits);
  }

  restart(): void {
    this.#onRestart();
    this.#consumer = this.#start();
  }
}

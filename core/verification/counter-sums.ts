import { createHash } from 'node:crypto';
import { type Increments, Tally } from '../projections/shared-projection.ts';
import { BUCKETS, bucketOf } from './commit-sums.ts';

const WORDS = 2;

/** Amounts of counters by view key and path. */
type EncodedTally = [key: string, [path: string, amount: string][]][];

/** The sums as JSON, for a cursor. */
export interface EncodedCounterSums {
  readonly words: string;
  readonly exact: readonly number[];
  readonly tally: EncodedTally;
}

/**
 * The sums of a shared projection's counters, in the same memory for any number of views. Each of 1,024 shares of the
 * views has a number; two numbers are equal when all counters of the share are equal. Exact counters are kept only for
 * some shares.
 */
export class CounterSums {
  readonly #words = new BigUint64Array(BUCKETS * WORDS);
  readonly #exact: ReadonlySet<number>;
  readonly #tally = new Tally();

  /** @param exact the shares whose counters are kept exactly */
  constructor(exact: Iterable<number> = []) {
    this.#exact = new Set(exact);
  }

  /** The sums in a cursor. */
  static decode({ words, exact, tally }: EncodedCounterSums): CounterSums {
    const sums = new CounterSums(exact);
    new Uint8Array(sums.#words.buffer).set(Buffer.from(words, 'base64'));
    const amounts = (own: [string, string][]) => new Map(own.map(([path, n]) => [path, BigInt(n)]));
    sums.#tally.merge(new Map(tally.map(([key, own]) => [key, amounts(own)])));
    return sums;
  }

  get exact(): ReadonlySet<number> {
    return this.#exact;
  }

  /** The counters of the views in the exact shares. */
  counters(): Increments {
    return this.#tally.increments();
  }

  /** Adds amounts. Each counter has its own weight, so the order of its parts does not matter. */
  add(increments: Increments): void {
    for (const [key, counters] of increments) {
      const bucket = bucketOf(key);
      for (const [path, amount] of counters) {
        const weight = createHash('sha256').update(`${key}${path}`).digest(); // a key has no slash, a path begins with one
        for (let word = 0; word < WORDS; word++) {
          const index = bucket * WORDS + word;
          this.#words[index] = (this.#words[index] ?? 0n) + amount * weight.readBigUInt64LE(word * 8); // wraps around
        }
      }
      if (this.#exact.has(bucket)) this.#tally.merge(new Map([[key, counters]]));
    }
  }

  /** The shares with different sums. */
  differing(other: CounterSums): readonly number[] {
    const buckets = new Set<number>();
    for (const [index, word] of this.#words.entries()) {
      if (word !== other.#words[index]) buckets.add(Math.floor(index / WORDS));
    }
    return [...buckets];
  }

  /** A digest of the sums, without the exact counters. */
  get digest(): string {
    return createHash('sha256').update(new Uint8Array(this.#words.buffer)).digest('base64url');
  }

  encode(): EncodedCounterSums {
    const tally = [...this.counters()].map(([key, own]): EncodedTally[number] => [
      key,
      [...own].map(([path, n]) => [path, `${n}`]),
    ]);
    return { words: Buffer.from(this.#words.buffer).toString('base64'), exact: [...this.#exact], tally };
  }
}

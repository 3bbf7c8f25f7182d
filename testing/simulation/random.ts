/** Pseudo-random numbers from a seed (mulberry32, Tommy Ettinger, public domain). Its functions need no `this`. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 to under 1. */
  readonly next = (): number => {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };

  /** A whole number, both ends included. */
  readonly from = (low: number, high: number): number => low + Math.floor(this.next() * (high - low + 1));

  /** True with a probability from 0 to 1. */
  readonly chance = (probability: number): boolean => this.next() < probability;

  readonly pick = <T>(items: readonly [T, ...T[]]): T => items[this.from(0, items.length - 1)] ?? items[0];

  /** The same items, each at most `reach` places from its former place. */
  readonly shuffled = <T>(items: readonly T[], reach: number): T[] =>
    items
      .map((item, index) => ({ item, place: index + this.next() * reach }))
      .toSorted((a, b) => a.place - b.place)
      .map(({ item }) => item);
}

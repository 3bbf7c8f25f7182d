/** Pseudo-random numbers from a seed. (mulberry32, Tommy Ettinger, public domain) */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 to under 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number, both ends included. */
  from(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(items: readonly [T, ...T[]]): T {
    return items[this.from(0, items.length - 1)] ?? items[0];
  }

  /** The same items, each at most `reach` places from its former place. */
  shuffled<T>(items: readonly T[], reach: number): T[] {
    return items
      .map((item, index) => ({ item, place: index + this.next() * reach }))
      .toSorted((a, b) => a.place - b.place)
      .map(({ item }) => item);
  }
}

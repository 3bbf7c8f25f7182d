import type { Increments } from './shared-projection.ts';
import { MAX_COUNTERS, MAX_ITEMS } from './shared-view-store.ts';

/** The content of a transaction of shared views so far, checked against its limits. */
export class TransactionSize {
  readonly #views = new Map<string, Set<string>>();
  #checkpoints = 0;

  /** Whether the transaction has no view yet. */
  get isEmpty(): boolean {
    return this.#views.size === 0;
  }

  /**
   * Adds increments and a number of checkpoints, if they fit. @returns false, without a change, when they do not fit
   */
  add(increments: Increments, checkpoints = 0): boolean {
    let items = this.#checkpoints + checkpoints + this.#views.size;
    for (const [key, counters] of increments) {
      const known = this.#views.get(key);
      if (!known) items++;
      if (new Set([...(known ?? []), ...counters.keys()]).size > MAX_COUNTERS) return false;
    }
    if (items > MAX_ITEMS) return false;
    this.#checkpoints += checkpoints;
    for (const [key, counters] of increments) {
      const known = this.#views.get(key) ?? new Set();
      for (const path of counters.keys()) known.add(path);
      this.#views.set(key, known);
    }
    return true;
  }
}

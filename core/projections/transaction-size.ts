import type { Increments } from './shared-projection.ts';
import { MAX_COUNTERS, MAX_ITEMS } from './shared-view-store.ts';

/** What one transaction of shared views holds so far, against what it can hold. */
export class TransactionSize {
  readonly #views = new Map<string, Set<string>>();
  #checkpoints = 0;

  /** Whether no view is added to yet. */
  get isEmpty(): boolean {
    return this.#views.size === 0;
  }

  /** Takes in increments, and so many checkpoints, if they fit. @returns false when they do not; nothing is taken in then */
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

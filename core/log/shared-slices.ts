import type { LogSlice } from './slice.ts';

/** Most slices that are kept: as many kinds of followers share what is read. */
const MAX_KEPT = 16;

/**
 * Slices by what was asked for. Readers that ask for the same at the same time share one read. A slice that ends where the
 * log ends is what followers wait for, so it is kept until the log grows: at most 16, each of 2 MB of JSON or one event.
 */
export class SharedSlices {
  readonly #slices = new Map<string, Promise<LogSlice>>();

  /** @param keep whether {@link clear} will be called when the log grows; else nothing is kept */
  get(key: string, read: () => Promise<LogSlice>, keep: boolean): Promise<LogSlice> {
    const known = this.#slices.get(key);
    if (known) return known;
    const slice = read();
    this.#slices.set(key, slice);
    const forget = (): void => {
      if (this.#slices.get(key) === slice) this.#slices.delete(key);
    };
    slice.then(({ caughtUp }) => (keep && caughtUp ? undefined : forget()), forget);
    const [oldest] = this.#slices.keys();
    if (this.#slices.size > MAX_KEPT && oldest !== undefined) this.#slices.delete(oldest);
    return slice;
  }

  /** The log has grown: what is asked from now on is read anew. */
  clear(): void {
    this.#slices.clear();
  }
}

import { sharedJson } from '../base/json-text.ts';
import type { LogSlice } from './slice.ts';

/** Most slices that are kept: as many kinds of followers share what is read. */
const MAX_KEPT = 16;
/** Most memory of the slices that are kept, together; the newest is kept whatever it takes. */
const MAX_BYTES = 16 * 1024 * 1024;
/** What an event takes in memory for each character of its JSON, with that text. An estimate. */
const BYTES_A_CHARACTER = 3;

interface Kept {
  readonly slice: Promise<LogSlice>;
  bytes: number;
}

/**
 * Slices by what was asked for. Readers that ask for the same at the same time share one read. A slice that ends where the
 * log ends is what followers wait for, so it is kept until the log grows: at most 16, and 16 MB of them.
 */
export class SharedSlices {
  readonly #slices = new Map<string, Kept>();
  readonly #maxBytes: number;

  constructor(maxBytes = MAX_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** About how many bytes of memory the slices take that are kept. */
  get bytes(): number {
    return this.#slices.values().reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** @param keep whether {@link clear} will be called when the log grows; else nothing is kept */
  get(key: string, read: () => Promise<LogSlice>, keep: boolean): Promise<LogSlice> {
    const known = this.#slices.get(key);
    if (known) return known.slice;
    const kept: Kept = { slice: read(), bytes: 0 };
    this.#slices.set(key, kept);
    const forget = (): void => {
      if (this.#slices.get(key) === kept) this.#slices.delete(key);
    };
    kept.slice.then((slice) => {
      if (!keep || !slice.caughtUp) {
        forget();
        return;
      }
      kept.bytes = sizeOf(slice);
      this.#makeRoom();
    }, forget);
    this.#makeRoom();
    return kept.slice;
  }

  /** The log has grown: what is asked from now on is read anew. */
  clear(): void {
    this.#slices.clear();
  }

  #makeRoom(): void {
    for (const oldest of this.#slices.keys()) {
      const isFull = this.#slices.size > MAX_KEPT || this.bytes > this.#maxBytes;
      if (!isFull || this.#slices.size === 1) return;
      this.#slices.delete(oldest);
    }
  }
}

const sizeOf = ({ events }: LogSlice): number =>
  events.reduce((sum, event) => sum + BYTES_A_CHARACTER * sharedJson(event).length, 0);

import { sharedJson } from '../base/json-text.ts';
import type { LogSlice } from './slice.ts';

/** Most kept slices, one for each distinct request. */
const MAX_KEPT = 16;
/** Most bytes of memory of all kept slices. The newest slice is always kept. */
const MAX_BYTES = 16 * 1024 * 1024;
/** Bytes in memory for each character of an event's JSON, with that text. An estimate. */
const BYTES_A_CHARACTER = 3;

interface Kept {
  readonly slice: Promise<LogSlice>;
  bytes: number;
}

/**
 * Slices by request. Readers with the same request at the same time share one read. Followers wait at the end of the
 * log, so a slice that ends there is kept until the log grows: at most 16 slices, and 16 MB.
 */
export class SharedSlices {
  readonly #slices = new Map<string, Kept>();
  readonly #maxBytes: number;

  constructor(maxBytes = MAX_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes of memory of the kept slices, approximately. */
  get bytes(): number {
    return this.#slices.values().reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /**
   * The slice of a request, read once for all simultaneous callers.
   * @param keep whether {@link clear} will be called when the log grows; otherwise no slice is kept
   */
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

  /** Forgets all slices, because the log has grown. */
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

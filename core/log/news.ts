import { setImmediate as nextTurn } from 'node:timers/promises';
import type { LogStorage } from './storage.ts';

/** Readers that are woken before the event loop turns twice. A thousand followers must not delay a request. */
const WOKEN_AT_ONCE = 8;
/** Pause between two reads of a log whose storage does not report appends, milliseconds. */
const LOOK_AGAIN_MS = 500;

/** Wakes readers that wait for new events. The storage calls it once for each append, however many readers wait. */
export class News {
  readonly #waiting = new Set<() => void>();
  readonly #isTold: boolean;
  #count = 0;
  #waking = false;

  /** @param onNews called after each append, before any reader is woken */
  constructor(storage: Pick<LogStorage, 'onAppended'>, onNews: () => void) {
    this.#isTold = storage.onAppended !== undefined;
    storage.onAppended?.(() => {
      this.#count += 1;
      onNews();
      void this.#wake();
    });
  }

  /** False when the storage does not report appends. Readers then read again every half second. */
  get isTold(): boolean {
    return this.#isTold;
  }

  /** The number of appends. Take it before a read of the log, and pass it to {@link after} after the read. */
  get count(): number {
    return this.#count;
  }

  /** Waits for more than `count` appends, for `ms` milliseconds at most, or until the signal. Never throws. */
  after(count: number, ms: number, signal?: AbortSignal): Promise<void> {
    if (this.#count !== count || signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(end);
        signal?.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, this.#isTold ? ms : Math.min(ms, LOOK_AGAIN_MS));
      this.#waiting.add(end);
      signal?.addEventListener('abort', end, { once: true });
    });
  }

  /**
   * One round after the other. A reader that waits again during a round is woken for later appends in the next round.
   */
  async #wake(): Promise<void> {
    if (this.#waking) return;
    this.#waking = true;
    for (let heard = -1; heard !== this.#count; ) {
      heard = this.#count;
      let woken = 0;
      for (const wake of [...this.#waiting]) {
        wake();
        woken += 1;
        if (woken % WOKEN_AT_ONCE > 0) continue;
        await nextTurn();
        await nextTurn();
      }
    }
    this.#waking = false;
  }
}

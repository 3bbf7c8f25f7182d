import { setImmediate as nextTurn } from 'node:timers/promises';
import type { LogStorage } from './storage.ts';

/** Readers that are woken at once, before the event loop turns twice: a thousand followers must not hold up a request. */
const WOKEN_AT_ONCE = 8;
/** Longest pause between two looks at a log that does not tell of news, milliseconds. */
const LOOK_AGAIN_MS = 500;

/** Wakes readers of a log that wait for more. The storage calls it once an append, however many readers wait. */
export class News {
  readonly #waiting = new Set<() => void>();
  readonly #isTold: boolean;
  #count = 0;
  #waking = false;

  /** @param onNews called at once after each append, before any reader is woken */
  constructor(storage: Pick<LogStorage, 'onAppended'>, onNews: () => void) {
    this.#isTold = storage.onAppended !== undefined;
    storage.onAppended?.(() => {
      this.#count += 1;
      onNews();
      void this.#wake();
    });
  }

  /** False when the storage does not tell of appends: readers then look again every half second. */
  get isTold(): boolean {
    return this.#isTold;
  }

  /** How many appends there were. Take it before a look at the log, and give it to {@link after} after the look. */
  get count(): number {
    return this.#count;
  }

  /** Waits until there were more appends than `count`, the time is over, or the signal ends it. Never throws. */
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

  /** One round after the other: readers that wait again before a round is over hear of later appends in the next. */
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

import type { Logger } from '../../../core/base/log-lines.ts';

/** Settings of a {@link DueTimer}. */
export interface DueTimerOptions {
  /** Does everything that is due. @returns when the next work is due, milliseconds since 1970; undefined for none */
  readonly run: () => Promise<number | undefined>;
  /** The log's line about a run that failed. */
  readonly failed: string;
  /** Pause after a run that failed, milliseconds. */
  readonly pauseMs: number;
  readonly logger: Pick<Logger, 'error'>;
}

/** Longest sleep, milliseconds. Timers take at most 24 days, and a short sleep notices when the clock is set. */
const LONGEST_SLEEP_MS = 60_000;

/** Does work at the time when it is due, and asks for nothing in between. Runs never overlap. */
export class DueTimer {
  readonly #options: DueTimerOptions;
  #timer: NodeJS.Timeout | undefined;
  #due = Number.POSITIVE_INFINITY;
  #running: Promise<void> = Promise.resolve();
  #isOpen = false;

  constructor(options: DueTimerOptions) {
    this.#options = options;
  }

  /** Begins with the work that fell due while no process ran. */
  start(): void {
    this.#isOpen = true;
    this.wakeAt(Date.now());
  }

  /** Waits for the present run, and starts no other. */
  async close(): Promise<void> {
    this.#isOpen = false;
    clearTimeout(this.#timer);
    await this.#running;
  }

  /** Asks for a run at a time, milliseconds since 1970. An earlier time that was asked for stays. */
  wakeAt(due: number): void {
    if (!this.#isOpen || due >= this.#due) return;
    this.#due = due;
    clearTimeout(this.#timer);
    const ms = Math.min(LONGEST_SLEEP_MS, Math.max(0, due - Date.now()));
    this.#timer = setTimeout(() => {
      this.#due = Number.POSITIVE_INFINITY;
      this.#running = this.#running.then(() => this.#run());
    }, ms);
  }

  async #run(): Promise<void> {
    if (!this.#isOpen) return;
    const { run, failed, pauseMs, logger } = this.#options;
    try {
      const next = await run();
      if (next !== undefined) this.wakeAt(next);
    } catch (error) {
      logger.error(failed, { error, pauseMs });
      this.wakeAt(Date.now() + pauseMs);
    }
  }
}

import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../../../core/base/log-lines.ts';

export interface ScheduleOptions {
  readonly name: string;
  /** Pause between the end of a run and the next, milliseconds. */
  readonly everyMs: number;
  /** May end early when the signal is aborted: a run in work keeps the process from closing. */
  readonly run: (signal: AbortSignal) => Promise<unknown>;
  readonly logger: Logger;
}

/** Runs something at the start and then now and then. A run that fails is logged, and tried again when its time comes. */
export class Schedule {
  readonly #options: ScheduleOptions;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: ScheduleOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running ??= this.#loop();
  }

  /** Waits for a run in work, and starts none. */
  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #loop(): Promise<void> {
    const { name, everyMs, run, logger } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        await run(signal);
      } catch (error) {
        logger.error(`${name} failed and is tried again later`, { error, everyMs });
      }
      await delay(everyMs, undefined, { signal, ref: false }).catch(() => {});
    }
  }
}

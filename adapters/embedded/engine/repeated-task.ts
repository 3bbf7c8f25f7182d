import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../../../core/base/log-lines.ts';

/** Settings of a {@link RepeatedTask}. */
export interface RepeatedTaskOptions {
  /** Name for the log, with its article. */
  readonly name: string;
  /** Pause between the end of a run and the start of the next, milliseconds. */
  readonly everyMs: number;
  /** The task. It should end early when the signal is aborted, because `close` waits for it. */
  readonly run: (signal: AbortSignal) => Promise<unknown>;
  readonly logger: Logger;
}

/** Runs a task at the start, and again after each pause. A run that fails is logged, and the next run comes. */
export class RepeatedTask {
  readonly #options: RepeatedTaskOptions;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: RepeatedTaskOptions) {
    this.#options = options;
  }

  /** Starts the first run. A second call does nothing. */
  start(): void {
    this.#running ??= this.#loop();
  }

  /** Aborts the signal, waits for the current run, and starts no other run. */
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

import type { Logger } from '../../../core/base/log-lines.ts';
import type { Leases } from '../../../core/leases/leases.ts';

/** Pause before the next attempt after a failure, milliseconds. */
const PAUSE_MS = 5_000;
/** How much later than the first end a look is, milliseconds: leases that end together are found together. */
const SLACK_MS = 25;
/** The longest time that a timer of Node takes, milliseconds. */
const LONGEST_MS = 2 ** 31 - 1;

/** Ends the leases that are over at their time: it looks at the first end, and asks for nothing in between. */
export class LeaseTimer {
  readonly #leases: Leases;
  readonly #logger: Pick<Logger, 'error'>;
  #timer: NodeJS.Timeout | undefined;
  #due = Number.POSITIVE_INFINITY;
  #running: Promise<void> | undefined;
  #isOpen = false;

  constructor(leases: Leases, logger: Pick<Logger, 'error'>) {
    this.#leases = leases;
    this.#logger = logger;
    leases.onTaken((until) => this.#wakeAt(Date.parse(until)));
  }

  /** Begins with the leases of an earlier process. */
  start(): void {
    this.#isOpen = true;
    this.#wakeAt(Date.now());
  }

  /** Waits for the present work, and starts no other. */
  async close(): Promise<void> {
    this.#isOpen = false;
    clearTimeout(this.#timer);
    await this.#running;
  }

  #wakeAt(due: number): void {
    if (!this.#isOpen || due >= this.#due) return;
    this.#due = due;
    clearTimeout(this.#timer);
    const ms = Math.min(LONGEST_MS, Math.max(0, due - Date.now() + SLACK_MS));
    this.#timer = setTimeout(() => {
      this.#due = Number.POSITIVE_INFINITY;
      this.#running = (this.#running ?? Promise.resolve()).then(() => this.#run());
    }, ms).unref();
  }

  async #run(): Promise<void> {
    if (!this.#isOpen) return;
    try {
      const next = await this.#leases.sweep();
      if (next !== undefined) this.#wakeAt(Date.parse(next));
    } catch (error) {
      this.#logger.error('leases that are over cannot be ended, and are tried again', { error, pauseMs: PAUSE_MS });
      this.#wakeAt(Date.now() + PAUSE_MS);
    }
  }
}

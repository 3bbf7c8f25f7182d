import type { LogFilter } from './filter.ts';
import type { EventLog, LoggedEvent } from './log.ts';

export interface EventStreamOptions extends LogFilter {
  /** Position to go on after; the beginning when absent. */
  readonly after?: string | undefined;
  /** Events fetched at once; so many are in memory at most. */
  readonly batchSize?: number;
  /** Ends the stream. */
  readonly signal?: AbortSignal;
}

/** How long one look waits for news, milliseconds. Ended at once by the signal, or by a reader that cancels. */
const WAIT_MS = 20_000;

/**
 * Follows the log: every event after a position, once and in order, and then those to come, until it is ended. Nothing is
 * fetched before the reader has taken what came before it. A reader that stops goes on later after the position of the
 * last event that it has dealt with.
 */
export class EventStream {
  readonly #log: Pick<EventLog, 'getEventsAfter'>;
  readonly #options: EventStreamOptions;
  #position: string | undefined;

  constructor(log: Pick<EventLog, 'getEventsAfter'>, options: EventStreamOptions = {}) {
    this.#log = log;
    this.#options = options;
    this.#position = options.after;
  }

  /** The position after everything that was given out or passed by; undefined before the first look at a log from its beginning. */
  get position(): string | undefined {
    return this.#position;
  }

  /** @throws what {@link EventLog} throws, to the reader; the stream has ended then */
  getStream(): ReadableStream<LoggedEvent> {
    const cancelled = new AbortController();
    const events = this.#follow(cancelled.signal);
    return new ReadableStream<LoggedEvent>(
      {
        pull: async (controller) => {
          const { done, value } = await events.next();
          if (done) controller.close();
          else controller.enqueue(value);
        },
        cancel: () => cancelled.abort(),
      },
      { highWaterMark: 0 },
    );
  }

  /** The same as an iterator; leaving the loop ends it. */
  getEventIterator(): AsyncGenerator<LoggedEvent> {
    return this.#follow();
  }

  async *#follow(cancelled?: AbortSignal): AsyncGenerator<LoggedEvent> {
    const { batchSize: limit = 100, after: _, signal, ...filter } = this.#options;
    const ends = AbortSignal.any([signal, cancelled].filter((given) => given !== undefined));
    while (!ends.aborted) {
      const slice = await this.#log.getEventsAfter(this.#position, { ...filter, limit, waitMs: WAIT_MS, signal: ends });
      for (const event of slice.events) {
        if (ends.aborted) return;
        this.#position = event.position;
        yield event;
      }
      this.#position = slice.next;
    }
  }
}

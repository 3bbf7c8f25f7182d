import { pause } from '../base/pause.ts';
import type { LogFilter } from './filter.ts';
import type { EventLog } from './log.ts';
import type { LoggedEvent, LogSlice } from './slice.ts';

export interface EventStreamOptions extends LogFilter {
  /** Position to go on after; the beginning when absent. */
  readonly after?: string | undefined;
  /** Events fetched at once; so many are in memory at most. */
  readonly batchSize?: number;
  /** Most bytes of events, as JSON, that are fetched at once; a single event may be larger. */
  readonly maxBytes?: number;
  /** How long a look waits for news, milliseconds; by default 20 s. */
  readonly waitMs?: number;
  /** Ends the stream. */
  readonly signal?: AbortSignal;
}

/** How long a look waits for news, milliseconds. Ended at once by the signal, or by a reader that cancels. */
const WAIT_MS = 20_000;
/** How long after `to` a stream still waits: an event recorded then may come into the log a moment later. */
const SETTLING_MS = 2_000;

/**
 * Follows the log: every event after a position, once and in order, and then those to come, until it is ended or a moment
 * after `to`. Nothing is fetched before the reader has taken what came before it. A reader that stops goes on later after the position of the
 * last event that it has dealt with.
 */
export class EventStream {
  readonly #log: Pick<EventLog, 'getEventsAfter'>;
  readonly #options: EventStreamOptions;

  constructor(log: Pick<EventLog, 'getEventsAfter'>, options: EventStreamOptions = {}) {
    this.#log = log;
    this.#options = options;
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
    for await (const { events } of this.getSlices(cancelled)) {
      for (const event of events) {
        if (cancelled?.aborted || this.#options.signal?.aborted) return;
        yield event;
      }
    }
  }

  /** The stream in slices; one without events comes when a wait ends, or something rare is far away. */
  async *getSlices(cancelled?: AbortSignal): AsyncGenerator<LogSlice> {
    const { batchSize: limit = 100, waitMs = WAIT_MS, after, signal: given, ...filter } = this.#options;
    const signal = AbortSignal.any([given, cancelled].filter((end) => end !== undefined));
    for (let position = after; !signal.aborted; ) {
      const settling = settlingMs(filter.to);
      const slice = await this.#log.getEventsAfter(position, { ...filter, limit, waitMs, signal });
      position = slice.next;
      if (signal.aborted) return;
      yield slice;
      if (!slice.caughtUp || slice.events.length > 0) continue;
      if (settling === 0) return;
      if (settling <= SETTLING_MS) await pause(settling, signal);
    }
  }
}

/** How long from now an event recorded at or before `to` may still come into the log, milliseconds. */
function settlingMs(to: string | undefined): number {
  return to === undefined ? Number.POSITIVE_INFINITY : Math.max(0, Date.parse(to) + SETTLING_MS - Date.now());
}

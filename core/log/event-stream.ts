import { pause } from '../base/pause.ts';
import { type LogFilter, lastRecorded } from './filter.ts';
import type { EventLog } from './log.ts';
import type { LoggedEvent, LogSlice } from './slice.ts';

/** The range and the limits of an {@link EventStream}. */
export interface EventStreamOptions extends LogFilter {
  /** Position to continue after; the beginning when absent. */
  readonly after?: string | undefined;
  /** Most events that are fetched at once and held in memory; 100 by default. */
  readonly batchSize?: number;
  /** Most bytes of events, as JSON, that are fetched at once; a single event may be larger. */
  readonly maxBytes?: number;
  /** Longest wait of one read for new events, milliseconds; 20 s by default. */
  readonly waitMs?: number;
  /** Ends the stream. */
  readonly signal?: AbortSignal;
}

/** Longest wait of one read for new events, milliseconds. The signal or a reader that cancels ends it at once. */
const WAIT_MS = 20_000;
/** How long a stream waits after `to`, milliseconds: an event recorded at `to` may be logged a moment later. */
const SETTLING_MS = 2_000;

/**
 * Follows the log: every event after a position, once and in order, then new events. It ends by the signal or a moment
 * after a recorded `to`. It fetches the next events only when the reader has taken all earlier events. A reader that stops
 * continues later after the position of its last event.
 */
export class EventStream {
  readonly #log: Pick<EventLog, 'getEventsAfter'>;
  readonly #options: EventStreamOptions;

  constructor(log: Pick<EventLog, 'getEventsAfter'>, options: EventStreamOptions = {}) {
    this.#log = log;
    this.#options = options;
  }

  /** The events as a stream. An error of {@link EventLog} goes to the reader and ends the stream. */
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

  /** The events as an iterator; leaving the loop ends it. */
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

  /** The events in slices. A slice is empty when a wait ends, or when a wanted event is far away. */
  async *getSlices(cancelled?: AbortSignal): AsyncGenerator<LogSlice> {
    const { batchSize: limit = 100, waitMs = WAIT_MS, after, signal: given, ...filter } = this.#options;
    const signal = AbortSignal.any([given, cancelled].filter((end) => end !== undefined));
    for (let position = after; !signal.aborted; ) {
      const settling = settlingMs(lastRecorded(filter));
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

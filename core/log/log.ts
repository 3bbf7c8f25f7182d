import type { DomainEvent } from '../../events/catalogue.ts';
import { CorruptDataError } from '../base/errors.ts';
import { pause } from '../base/pause.ts';
import type { ClaimCheck } from '../store/claim-check.ts';
import { type Commit, decodeCommit } from '../store/commit.ts';
import { type ArchivedPages, LogChain } from './chain.ts';
import { type LogFilter, Selection } from './filter.ts';
import { commitsOf, type LogPage } from './page.ts';
import { type PartitionStrategy, partitionsOf } from './partition.ts';
import { BEGINNING, type Cursor, formatPosition, parsePosition } from './position.ts';
import type { LogStorage } from './storage.ts';
import { cursorOf, LogWalk } from './walk.ts';

/** An event as the log gives it: with its position, after which reading goes on. */
export type LoggedEvent = DomainEvent & { readonly position: string };

/** A commit in the log. */
export interface LoggedCommit {
  readonly commit: Commit;
  /** The position of its last event. */
  readonly position: string;
}

export interface LogSlice {
  readonly events: readonly LoggedEvent[];
  /** Where to go on, whether or not there were events. */
  readonly next: string;
  /** Nothing more was there, up to the end of the log or of the time range. */
  readonly caughtUp: boolean;
}

export interface SliceOptions extends LogFilter {
  /** Most events, 1 or more. A slice of large events, or one that had to pass by many others, has fewer and is not caught up. */
  readonly limit?: number | undefined;
  /** Longest time to wait for a first event, milliseconds. */
  readonly waitMs?: number | undefined;
  /** Ends a wait. */
  readonly signal?: AbortSignal | undefined;
}

export interface EventLogOptions {
  readonly storage: LogStorage;
  readonly strategy: PartitionStrategy;
  /** Where pages are that left the storage. */
  readonly archive?: ArchivedPages;
  /** Gets large commits their bodies. */
  readonly claims?: ClaimCheck;
}

const DEFAULT_LIMIT = 100;
/** Most bytes of pages that one slice passes by, so that looking for something rare answers in time. */
const MAX_SCANNED_BYTES = 8 * 1024 * 1024;
/** Most bytes of a slice of several events: an answer of AWS Lambda has 6 MB, with every quote in it escaped. */
const MAX_SLICE_BYTES = 2 * 1024 * 1024;
/** Longest pause between two looks at a log that does not tell of news. */
const LOOK_AGAIN_MS = 500;

/**
 * Reads the log: all events of all streams, in one order for each partition, from any position on. A reader that goes on
 * where it was meets every event once.
 *
 * Every call throws UnavailableError when the log cannot be reached, ValidationError for a position that is none, and
 * CorruptDataError, which names the place, for what cannot be read; nothing is passed over.
 */
export class EventLog {
  readonly #options: EventLogOptions;

  constructor(options: EventLogOptions) {
    this.#options = options;
  }

  /** The next events after a position, or from the beginning (of the time range, when there is one). */
  async getEventsAfter(position: string | undefined, options: SliceOptions = {}): Promise<LogSlice> {
    const { waitMs = 0, signal } = options;
    const deadline = Date.now() + waitMs;
    for (let after = position; ; ) {
      const news = this.#news();
      try {
        const slice = await this.#slice(after, options);
        after = slice.next;
        const left = deadline - Date.now();
        if (slice.events.length > 0 || left <= 0) return slice;
        if (slice.caughtUp) await pause(Math.min(left, news.promise ? left : LOOK_AGAIN_MS), signal, news.promise);
        if (signal?.aborted) return slice;
      } finally {
        news.stop();
      }
    }
  }

  /** All events of one type, recorded from `from` to `to`, both included and both optional (ISO 8601). */
  getEventsByType(type: string, from?: string, to?: string): AsyncGenerator<LoggedEvent> {
    return this.events(undefined, { types: [type], from, to });
  }

  /** All events recorded from `from` to `to`, both included, of these types or of any. */
  getEventsByTimeRange(from: string, to: string, types?: readonly string[]): AsyncGenerator<LoggedEvent> {
    return this.events(undefined, { from, to, types });
  }

  /** All events recorded at or before an instant. */
  getEventsBeforeTimestamp(to: string): AsyncGenerator<LoggedEvent> {
    return this.events(undefined, { to });
  }

  /** The events after a position, one by one, fetched as they are taken, up to the end of the log. */
  async *events(position: string | undefined, filter: LogFilter = {}): AsyncGenerator<LoggedEvent> {
    const selection = new Selection(filter);
    const walk = await this.#walk(position, selection);
    for await (const page of walk.pages()) {
      if (!selection.wantsPage(page)) continue;
      for await (const wanted of this.#wanted(page, walk, selection)) yield* eventsOf(wanted, walk, selection);
    }
  }

  /**
   * The commits after a position that hold an event of the filter, whole, fetched as they are taken, up to the end of the
   * log. For readers that need what a commit knows; a position inside a commit gives that one whole.
   */
  async *commits(position: string | undefined, filter: LogFilter = {}): AsyncGenerator<LoggedCommit> {
    const selection = new Selection(filter);
    const walk = await this.#walk(position, selection);
    for await (const page of walk.pages()) {
      if (!selection.wantsPage(page)) continue;
      for await (const { commit, end } of this.#wanted(page, walk, selection)) {
        yield { commit, position: walk.positionAt(end) };
      }
    }
  }

  /**
   * A position after which nothing is missed that was recorded at or after an instant (ISO 8601). Up to a page of earlier
   * events follows it, too; a filter with the same `from` leaves those out.
   */
  async positionAt(time: string): Promise<string> {
    return formatPosition(await this.#cursorAt(new Selection({ from: time })));
  }

  /** The position of the end of the log. Its first 12 digits, hexadecimal, are the number of events in it. */
  async end(): Promise<string> {
    const chains = await Promise.all(this.#chains(new Selection({})).map((chain) => chain.end()));
    return formatPosition(cursorOf(chains));
  }

  async #slice(position: string | undefined, { limit = DEFAULT_LIMIT, ...filter }: SliceOptions): Promise<LogSlice> {
    const selection = new Selection(filter);
    const walk = await this.#walk(position, selection);
    const events: LoggedEvent[] = [];
    let scanned = 0;
    let size = 0;
    for await (const page of walk.pages(limit)) {
      if (selection.wantsPage(page)) {
        for await (const wanted of this.#wanted(page, walk, selection)) {
          const readable = readEvents(wanted, walk, selection);
          const last = events.at(-1);
          // What cannot be read comes first in the slice after this one, so that nothing before it is lost.
          if ('damage' in readable && last) return { events, next: last.position, caughtUp: false };
          if ('damage' in readable) throw readable.damage;
          for (const event of readable.events) {
            size += Buffer.byteLength(JSON.stringify(event));
            const last = events.at(-1);
            if (last && size > MAX_SLICE_BYTES) return { events, next: last.position, caughtUp: false };
            events.push(event);
            if (events.length === limit) return { events, next: event.position, caughtUp: false };
          }
        }
      }
      scanned += page.body.length;
      if (scanned >= MAX_SCANNED_BYTES) return { events, next: walk.positionAt(page.count), caughtUp: false };
    }
    return { events, next: walk.position, caughtUp: true };
  }

  async #walk(position: string | undefined, selection: Selection): Promise<LogWalk> {
    const cursor = position === undefined ? await this.#cursorAt(selection) : parsePosition(position);
    return new LogWalk(this.#chains(selection), cursor, selection.to);
  }

  async #cursorAt(selection: Selection): Promise<Cursor> {
    const { from } = selection;
    if (from === undefined) return BEGINNING;
    return cursorOf(await Promise.all(this.#chains(selection).map((chain) => chain.seek(from))));
  }

  #chains({ aggregateType }: Selection): LogChain[] {
    const { storage, strategy, archive } = this.#options;
    return partitionsOf(strategy, aggregateType).map((partition) => new LogChain(storage, partition, archive));
  }

  #news(): { promise?: Promise<void>; stop: () => void } {
    const { promise, resolve } = Promise.withResolvers<void>();
    const stop = this.#options.storage.onAppended?.(resolve);
    return stop ? { promise, stop } : { stop: () => {} };
  }

  /** The commits of the page in work that are wanted and were not read before, and where each ends in the page. */
  async *#wanted(page: LogPage, walk: LogWalk, selection: Selection): AsyncGenerator<{ commit: Commit; end: number }> {
    let end = 0;
    for (const commit of commitsOf(page)) {
      end += commit.count;
      if (end > walk.offset && selection.wants(commit)) yield { commit: await this.#redeem(commit), end };
    }
  }

  async #redeem(commit: Commit): Promise<Commit> {
    return (await this.#options.claims?.redeem(commit)) ?? commit;
  }
}

/** The events that are wanted of a commit, or why it cannot be read and where to go on after it. */
function readEvents(
  wanted: { commit: Commit; end: number },
  walk: LogWalk,
  selection: Selection,
): { readonly events: readonly LoggedEvent[] } | { readonly damage: CorruptDataError } {
  try {
    return { events: [...eventsOf(wanted, walk, selection)] };
  } catch (cause) {
    if (!(cause instanceof CorruptDataError)) throw cause;
    return { damage: new CorruptDataError(cause.message, { cause, next: walk.positionAt(wanted.end) }) };
  }
}

/** The events of a commit that are wanted and were not read before. */
function* eventsOf(
  { commit, end }: { commit: Commit; end: number },
  walk: LogWalk,
  selection: Selection,
): Generator<LoggedEvent> {
  for (const [index, event] of decodeCommit(commit).entries()) {
    const number = end - commit.count + index + 1;
    if (number <= walk.offset || !selection.wantsEvent(event)) continue;
    yield { ...event, position: walk.positionAt(number) };
  }
}

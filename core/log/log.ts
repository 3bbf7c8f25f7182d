import { AfterLogError } from '../base/errors.ts';
import { forCaller, turn } from '../base/turns.ts';
import type { Catalogue } from '../events/catalogue.ts';
import type { ClaimCheck } from '../store/claim-check.ts';
import type { Commit } from '../store/commit.ts';
import { LogChain, type LogPages, type Milestone } from './chain.ts';
import { type LogFilter, lastRecorded, Selection } from './filter.ts';
import { assertOfHistory, type LoggedHistory } from './history.ts';
import { LogLayouts } from './layouts.ts';
import { News } from './news.ts';
import { type LogPage, readCommits } from './page.ts';
import { type LogLayout, partitionsWith } from './partition.ts';
import { afterTheLog, BEGINNING, type Cursor, formatPosition, noPosition, parsePosition } from './position.ts';
import { SharedSlices } from './shared-slices.ts';
import { type LoggedEvent, type LogSlice, loggedEvents, type PlacedCommit, readSlice } from './slice.ts';
import { cursorOf, LogWalk } from './walk.ts';

/** A commit in the log. */
export interface LoggedCommit {
  readonly commit: Commit;
  /** The position of its last event. */
  readonly position: string;
}

/** The selection and the limits of a slice. */
export interface SliceOptions extends LogFilter {
  /**
   * Most events, 1 or more; 100 by default. A slice that reaches another limit has fewer events and is not caught up.
   */
  readonly limit?: number | undefined;
  /** Most bytes of events, as JSON; by default 2 MB. */
  readonly maxBytes?: number | undefined;
  /** Longest wait for a first event, milliseconds; 0 by default. A wait ends at a recorded `to`. */
  readonly waitMs?: number | undefined;
  /** Ends a wait, or the reading for a disconnected caller. */
  readonly signal?: AbortSignal | undefined;
}

/** The parts of an {@link EventLog}. */
export interface EventLogOptions extends LogPages {
  /** Reads the bodies of large commits. */
  readonly claims?: ClaimCheck;
  /** The events, to check once that the log has the same history; absent where one database has both. */
  readonly history?: LoggedHistory;
  /** Longest time for reading a slice, milliseconds; 250 by default. */
  readonly sliceMs?: number;
}

const DEFAULT_LIMIT = 100;
/** Most bytes of pages that one slice reads, so that a search for rare events answers in time. */
const MAX_SCANNED_BYTES = 8 * 1024 * 1024;
/** Most bytes of a slice of several events. An answer of AWS Lambda has 6 MB at most, with every quote escaped. */
const MAX_SLICE_BYTES = 2 * 1024 * 1024;
/** Longest time for reading a slice, milliseconds. The slice then has the events read so far. */
const MAX_SLICE_MS = 250;

/**
 * Reads the log: all events of all streams, in one order for each partition, from any position on. A reader that
 * continues at its last position meets every event once.
 *
 * Every call throws UnavailableError when the log cannot be reached, ValidationError for an invalid position, and
 * CorruptDataError, which names the place, for unreadable data; no event is skipped. It throws LostHistoryError when
 * the log and the events have different histories.
 */
export class EventLog {
  /** The event types of the log. */
  readonly catalogue: Catalogue;
  readonly #options: EventLogOptions;
  readonly #slices = new SharedSlices();
  readonly #news: News;
  /** The chains that were read. Each knows its highest page. */
  readonly #known = new Map<string, LogChain>();
  readonly #layouts: LogLayouts;
  /** Partitions that were checked: they have the same history as the events. */
  readonly #checked = new Set<string>();

  constructor(options: EventLogOptions) {
    this.#options = options;
    this.catalogue = options.catalogue;
    this.#layouts = new LogLayouts(options);
    this.#news = new News(options.storage, () => this.#slices.clear());
  }

  /**
   * The next events after a position. Without a position: from the beginning, or from the beginning of the time range.
   * Callers with the same request share one slice, which no caller may change.
   * @throws ValidationError also for a position after the end of the log
   */
  async getEventsAfter(position: string | undefined, options: SliceOptions = {}): Promise<LogSlice> {
    const { waitMs = 0, signal } = options;
    const to = lastRecorded(options);
    const latest = to === undefined ? Number.POSITIVE_INFINITY : Date.parse(to);
    const deadline = Math.min(Date.now() + waitMs, latest);
    for (let after = position; ; ) {
      const { count } = this.#news; // read before the slice: an append during the read then ends the wait at once
      const slice = await this.#slice(after, options);
      after = slice.next;
      const left = deadline - Date.now();
      if (slice.events.length > 0 || left <= 0 || signal?.aborted) return slice;
      if (slice.caughtUp) await this.#news.after(count, left, signal);
      if (signal?.aborted) return slice;
    }
  }

  /** The position after the last event at present: a reader that continues there meets later events only. */
  async end(): Promise<string> {
    const chains = await this.#milestones(new Selection({}, this.catalogue), (chain) => chain.end());
    return formatPosition(cursorOf(chains));
  }

  /** All events of one type, recorded from `from` to `to`, both included and both optional (ISO 8601). */
  getEventsByType(type: string, from?: string, to?: string): AsyncGenerator<LoggedEvent> {
    return this.events(undefined, { types: [type], from, to });
  }

  /** All events recorded from `from` to `to`, both included, of these types or of all types. */
  getEventsByTimeRange(from: string, to: string, types?: readonly string[]): AsyncGenerator<LoggedEvent> {
    return this.events(undefined, { from, to, types });
  }

  /** All events recorded at or before an instant. */
  getEventsBeforeTimestamp(to: string): AsyncGenerator<LoggedEvent> {
    return this.events(undefined, { to });
  }

  /** The events after a position up to the end of the log. They are fetched when the caller takes them. */
  events(position: string | undefined, filter: LogFilter = {}): AsyncGenerator<LoggedEvent> {
    return this.#each(position, filter, loggedEvents);
  }

  /**
   * The commits after a position that hold an event of the filter, up to the end of the log. Each commit is whole, also
   * when the position is inside it. They are fetched when the caller takes them.
   */
  commits(position: string | undefined, filter: LogFilter = {}): AsyncGenerator<LoggedCommit> {
    return this.#each(position, filter, ({ commit, end }, walk) => [{ commit, position: walk.positionAt(end) }]);
  }

  /** Gives what `read` finds in each wanted commit after a position. */
  async *#each<T>(
    position: string | undefined,
    filter: LogFilter,
    read: (placed: PlacedCommit, walk: LogWalk, selection: Selection) => Iterable<T>,
  ): AsyncGenerator<T> {
    const selection = new Selection(filter, this.catalogue);
    const walk = await this.#walk(position, selection);
    for await (const page of walk.pages()) {
      await turn();
      if (!selection.wantsPage(page)) continue;
      for await (const placed of this.#wanted(page, walk, selection)) {
        yield* read(placed, walk, selection);
        await turn();
      }
    }
  }

  #slice(position: string | undefined, options: SliceOptions): Promise<LogSlice> {
    const { waitMs: _, signal: _signal, ...asked } = options;
    const key = JSON.stringify([position, asked]);
    const { limit = DEFAULT_LIMIT, maxBytes = MAX_SLICE_BYTES } = asked;
    const read = async (): Promise<LogSlice> => {
      await turn();
      const selection = new Selection(options, this.catalogue);
      const walk = await this.#walk(position, selection);
      const { sliceMs: maxMs = MAX_SLICE_MS } = this.#options;
      const bounds = { limit, maxBytes, maxScannedBytes: MAX_SCANNED_BYTES, maxMs };
      try {
        return await readSlice(walk, selection, (page) => this.#wanted(page, walk, selection), bounds);
      } catch (error) {
        // A caller gave the position, so it is no evidence of lost pages.
        throw error instanceof AfterLogError ? afterTheLog(error) : error;
      }
    };
    return this.#slices.get(key, () => forCaller(undefined, read), this.#news.isTold);
  }

  async #walk(position: string | undefined, selection: Selection): Promise<LogWalk> {
    const cursor = position === undefined ? await this.#cursorAt(selection) : parsePosition(position);
    const start = await this.#layouts.at(cursor.layout);
    if (!start || !isPlacedIn(start, cursor)) throw noPosition();
    const chainsAt = async (number: number) => {
      const layout = await this.#layouts.at(number);
      return layout && this.#chains(layout, selection);
    };
    return new LogWalk({ chainsAt, isPast: (number) => this.#layouts.isPast(number) }, cursor, selection.to);
  }

  async #cursorAt(selection: Selection): Promise<Cursor> {
    const { from } = selection;
    if (from === undefined) return BEGINNING;
    return cursorOf(await this.#milestones(selection, (chain) => chain.seek(from)));
  }

  /** A place in each chain, by layouts. */
  async #milestones(selection: Selection, find: (chain: LogChain) => Promise<Milestone>): Promise<Milestone[][]> {
    const layouts = await this.#layouts.read();
    const chains = await Promise.all(layouts.map((layout) => this.#chains(layout, selection)));
    return Promise.all(chains.map((ofLayout) => Promise.all(ofLayout.map(find))));
  }

  /** The chains of a layout, after the check that they have the same history as the events. */
  async #chains(layout: LogLayout, { aggregateType }: Selection): Promise<LogChain[]> {
    const { history, storage } = this.#options;
    const partitions = partitionsWith(layout, aggregateType);
    const unchecked = history ? partitions.filter((partition) => !this.#checked.has(partition)) : [];
    await Promise.all(
      unchecked.map(async (partition) => {
        const last = await storage.last(partition);
        if (last && history) await assertOfHistory(last, history);
        this.#checked.add(partition);
      }),
    );
    return partitions.map((partition) => this.#chain(partition));
  }

  #chain(partition: string): LogChain {
    const chain = this.#known.get(partition) ?? new LogChain(this.#options, partition);
    this.#known.set(partition, chain);
    return chain;
  }

  /** The wanted commits of the current page that were not read before. */
  async *#wanted(page: LogPage, walk: LogWalk, selection: Selection): AsyncGenerator<PlacedCommit> {
    let end = 0;
    for (const commit of this.#options.recent?.commitsOf(page) ?? (await readCommits(page))) {
      end += commit.count;
      if (end > walk.offset && selection.wants(commit)) yield { commit: await this.#redeem(commit), end };
    }
  }

  async #redeem(commit: Commit): Promise<Commit> {
    return (await this.#options.claims?.whole(commit)) ?? commit;
  }
}

/** Whether a cursor can be in a layout: in a sharded layout it has a place in every partition. */
const isPlacedIn = ({ strategy, partitions }: LogLayout, { places }: Cursor): boolean =>
  strategy !== 'sharded' || partitions.every((partition) => places.has(partition));

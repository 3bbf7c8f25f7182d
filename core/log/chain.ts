import { AfterLogError, CorruptDataError } from '../base/errors.ts';
import type { Catalogue } from '../events/catalogue.ts';
import { isoOf } from '../events/instant.ts';
import { isClosing } from './closing.ts';
import type { LogPage } from './page.ts';
import type { Partitioning } from './partition.ts';
import { type LogPlace, START } from './position.ts';
import type { RecentPages } from './recent-pages.ts';
import type { LogStorage } from './storage.ts';

/** The port to archived pages that have left the storage. */
export interface ArchivedPages {
  /** The page of this number and the pages after it in its segment; no page when no segment has the number. */
  read(partition: string, page: number): AsyncIterable<LogPage>;
  /**
   * The first of the archived pages `first` to `last` whose `through` is at or after an instant.
   * @throws CorruptDataError when the search needs a page that is not in the archive
   */
  seek(partition: string, recordedAt: string, first: number, last: number): Promise<LogPage | undefined>;
}

/** The places of a log's pages, and the parts that writers and readers share. */
export interface LogPages extends Partitioning {
  readonly storage: LogStorage;
  /** The event types of the log. */
  readonly catalogue: Catalogue;
  /** The archive of pages that left the storage; absent when pages never leave it. */
  readonly archive?: ArchivedPages | undefined;
  /** Called with damage that a writer skips: pages, and commits that it logs without their events. */
  readonly onDamage?: ((error: CorruptDataError) => void) | undefined;
  /** Pages that a writer and readers in one process share. */
  readonly recent?: RecentPages | undefined;
}

/** A place in a partition and the number of events before it. */
export interface Milestone {
  readonly partition: string;
  readonly place: LogPlace;
  readonly before: number;
  /** Whether the place is after all events of the partition. */
  readonly isEnd: boolean;
}

/**
 * Why a reader got no more pages: the chain is closed, later pages are beyond the reader's range, or the chain ends.
 */
export type ChainEnd = 'closed' | 'beyond' | 'end';

/** The range of a reader. */
export interface Extent {
  /** Reading stops where no later page can hold a commit recorded at or before this instant. */
  readonly to?: string | undefined;
  /** Pages that the reader needs at most, approximately. It keeps the first request small. */
  readonly most?: number;
}

/** Pages in one request: few at first, many when the reader continues. DynamoDB ends a request at 1 MB. */
const FIRST_REQUEST = 8;
const LARGEST_REQUEST = 512;

/**
 * A partition of the log for readers: one chain of pages without gaps, in the storage or in the archive. Archived pages
 * leave the storage in any order, so every hole in the storage is read from the archive.
 */
export class LogChain {
  readonly partition: string;
  readonly #pages: LogPages;
  /** The highest page that is known to exist. */
  #highest = 0;
  /** The page that closes the chain. */
  #closing: LogPage | undefined;

  constructor(pages: LogPages, partition: string) {
    this.#pages = pages;
    this.partition = partition;
  }

  /**
   * The pages from a number on, up to the end of the range.
   * @throws CorruptDataError when a page is neither in the storage nor in the archive
   */
  async *pages(from: number, { to, most = LARGEST_REQUEST }: Extent = {}): AsyncGenerator<LogPage, ChainEnd> {
    const until = to === undefined ? undefined : await this.#latest(to);
    for await (const page of this.#all(from, most)) {
      this.#highest = Math.max(this.#highest, page.page);
      yield page;
      if (isClosing(page)) return 'closed';
      if (until !== undefined && page.through > until) return 'beyond';
    }
    return 'end';
  }

  /** Whether a page before this number closes the chain. */
  async isClosedBefore(page: number): Promise<boolean> {
    const last = await this.#last();
    return last !== undefined && isClosing(last) && last.page < page;
  }

  /** Reports damage that the caller skips. */
  passOver(error: CorruptDataError): void {
    this.#pages.onDamage?.(error);
  }

  /** The readable pages from a number on. After a missing page it continues with the next page in the storage. */
  async *readable(from: number): AsyncGenerator<LogPage> {
    for (let next: number | undefined = from; next !== undefined; ) {
      let page: number = next - 1;
      try {
        for await (const found of this.pages(next)) {
          yield found;
          page = found.page;
        }
        return;
      } catch (error) {
        if (!(error instanceof CorruptDataError)) throw error;
        this.passOver(error);
        next = (await this.#pageFrom(page + 2))?.page;
      }
    }
  }

  /** The first page that can hold a commit recorded at or after an instant. Bisection: O(log pages) requests. */
  async seek(recordedAt: string): Promise<Milestone> {
    const last = await this.#last();
    if (!last || last.through < recordedAt) return this.#milestone(last, 'after');
    // `found` is the first page in the storage from `high` on, and late enough. Pages before `low` are too early.
    let [low, high, found] = [1, last.page, last];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const page = (await this.#pageFrom(middle)) ?? found;
      if (page.through < recordedAt) low = page.page + 1;
      else [high, found] = [middle, page];
    }
    return this.#milestone((await this.#seekInHole(recordedAt, low, found.page - 1)) ?? found, 'before');
  }

  /** The place after all events of the chain at present. */
  async end(): Promise<Milestone> {
    return this.#milestone(await this.#last(), 'after');
  }

  /** The last page. A closed chain is read once. */
  async #last(): Promise<LogPage | undefined> {
    if (this.#closing) return this.#closing;
    const last = await this.#pages.storage.last(this.partition);
    if (last && isClosing(last)) this.#closing = last;
    return last;
  }

  /** The pages from a number on without a gap, from storage and archive. */
  async *#all(from: number, most: number): AsyncGenerator<LogPage> {
    let expected = from;
    for (let size = Math.min(most, FIRST_REQUEST); ; size = Math.min(size * 4, LARGEST_REQUEST)) {
      let taken = 0;
      for await (const page of this.#pages.storage.read(this.partition, { after: expected - 1, limit: size })) {
        if (page.page !== expected) break;
        yield page;
        expected++;
        taken++;
      }
      if (taken === size) continue;
      const before = expected;
      for await (const page of this.#elsewhere(expected)) {
        yield page;
        expected++;
      }
      if (expected === before) return;
    }
  }

  /**
   * The next pages when the storage did not show this page: the chain ends, the read was stale, or the page is
   * archived.
   */
  async *#elsewhere(page: number): AsyncGenerator<LogPage> {
    const next = await this.#pageFrom(page);
    if (next?.page === page) return void (yield next);
    if (!next && (await this.#exists(page - 1))) return;
    let archived = false;
    for await (const found of this.#pages.archive?.read(this.partition, page) ?? []) {
      archived = true;
      yield found;
    }
    if (!archived && (next || page > 1)) throw missing(this.partition, page, next?.page);
  }

  /** Whether a page exists or existed: its number is not after the last page. */
  async #exists(page: number): Promise<boolean> {
    if (page <= this.#highest) return this.#highest > 0;
    const last = await this.#pages.storage.last(this.partition);
    this.#highest = Math.max(this.#highest, last?.page ?? 0);
    return last !== undefined && page <= last.page;
  }

  /** The first archived page of a range whose `through` is at or after an instant. */
  async #seekInHole(recordedAt: string, first: number, last: number): Promise<LogPage | undefined> {
    if (first > last) return undefined;
    const { archive } = this.#pages;
    if (!archive) throw missing(this.partition, first, last + 1);
    return archive.seek(this.partition, recordedAt, first, last);
  }

  /** After a page with a greater `through`, no page can hold a commit recorded at or before `to`. */
  async #latest(to: string): Promise<string> {
    const last = await this.#pages.storage.last(this.partition);
    return isoOf(Date.parse(to) + (last?.latenessMs ?? 0)); // the year has four digits, so the texts compare as times
  }

  async #pageFrom(page: number): Promise<LogPage | undefined> {
    const range = { after: page - 1, limit: 1, consistent: true };
    return (await Array.fromAsync(this.#pages.storage.read(this.partition, range)))[0];
  }

  #milestone(page: LogPage | undefined, side: 'before' | 'after'): Milestone {
    const { partition } = this;
    if (!page) return { partition, place: START, before: 0, isEnd: true };
    return side === 'before'
      ? { partition, place: { page: page.page, offset: 0 }, before: page.firstEvent - 1, isEnd: false }
      : { partition, place: { page: page.page + 1, offset: 0 }, before: page.firstEvent + page.count - 1, isEnd: true };
  }
}

/** The error for a page that is neither in the storage nor in the archive; an AfterLogError when no page follows. */
export function missing(partition: string, page: number, next?: number): CorruptDataError {
  const place = `page ${page} of the log's partition ${partition} is missing`;
  const remedy = 'restore the log from a backup';
  return next !== undefined
    ? new CorruptDataError(`${place}; the next one there is ${next}: ${remedy}`)
    : new AfterLogError(`${place}; the log ends before it, so its last pages are lost: ${remedy}`);
}

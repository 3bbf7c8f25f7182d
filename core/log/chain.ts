import { AfterLogError, CorruptDataError } from '../base/errors.ts';
import type { Catalogue } from '../events/catalogue.ts';
import { isoOf } from '../events/instant.ts';
import { isClosing } from './closing.ts';
import type { LogPage } from './page.ts';
import type { Partitioning } from './partition.ts';
import { type LogPlace, START } from './position.ts';
import type { RecentPages } from './recent-pages.ts';
import type { LogStorage } from './storage.ts';

/** Where pages are found that left the storage after they had been archived. */
export interface ArchivedPages {
  /** The page of this number and those that follow it in its segment; nothing when no segment has it. */
  read(partition: string, page: number): AsyncIterable<LogPage>;
  /**
   * The first page out of `first` to `last`, all of them archived, whose `through` is not before an instant.
   * @throws CorruptDataError when a page that was looked at is not in the archive
   */
  seek(partition: string, recordedAt: string, first: number, last: number): Promise<LogPage | undefined>;
}

/** Where the pages of a log are. */
export interface LogPages extends Partitioning {
  readonly storage: LogStorage;
  /** The event types of the log. */
  readonly catalogue: Catalogue;
  /** Where pages are that left the storage; absent when none ever does. */
  readonly archive?: ArchivedPages | undefined;
  /** Called with damage that a writer passes over: pages, and commits that it logs without their events. */
  readonly onDamage?: ((error: CorruptDataError) => void) | undefined;
  /** What a writer and readers in one process share. */
  readonly recent?: RecentPages | undefined;
}

/** A place in a partition and the number of events before it. */
export interface Milestone {
  readonly partition: string;
  readonly place: LogPlace;
  readonly before: number;
  /** The place is after all that the partition has. */
  readonly isEnd: boolean;
}

/** Why a reader got no more pages: the chain is closed, what follows is after what the reader wants, or there are none yet. */
export type ChainEnd = 'closed' | 'beyond' | 'end';

/** How far a reader wants to go. */
export interface Extent {
  /** No further than where no page can hold a commit recorded at or before this instant. */
  readonly to?: string | undefined;
  /** Pages that the reader needs at most, about; keeps the first request small. */
  readonly most?: number;
}

/** Pages that one request asks for: a few at first, many once the reader goes on. A request ends at 1 MB anyway. */
const FIRST_REQUEST = 8;
const LARGEST_REQUEST = 512;

/**
 * A partition of the log as a reader sees it: one chain of pages without gaps, wherever each of them is kept. Pages leave
 * the storage in any order once they are archived, so every hole is read from the archive.
 */
export class LogChain {
  readonly partition: string;
  readonly #pages: LogPages;
  /** The highest page that is known to exist. */
  #highest = 0;
  /** The page that closes it. */
  #closing: LogPage | undefined;

  constructor(pages: LogPages, partition: string) {
    this.#pages = pages;
    this.partition = partition;
  }

  /**
   * The pages from a number on, up to the end.
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

  /** Whether the chain was closed, by a page before this one. */
  async isClosedBefore(page: number): Promise<boolean> {
    const last = await this.#last();
    return last !== undefined && isClosing(last) && last.page < page;
  }

  /** Says that something damaged is passed over. */
  passOver(error: CorruptDataError): void {
    this.#pages.onDamage?.(error);
  }

  /** The pages from a number on that can be read. One that is missing, and those up to the next in the storage, are passed over. */
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

  /** The first page that can hold a commit recorded then or later: by bisection, so in O(log pages) requests. */
  async seek(recordedAt: string): Promise<Milestone> {
    const last = await this.#last();
    if (!last || last.through < recordedAt) return this.#milestone(last, 'after');
    // The first page in the storage from `high` on is `found`, which is late enough; no page there before `low` is.
    let [low, high, found] = [1, last.page, last];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const page = (await this.#pageFrom(middle)) ?? found;
      if (page.through < recordedAt) low = page.page + 1;
      else [high, found] = [middle, page];
    }
    return this.#milestone((await this.#seekInHole(recordedAt, low, found.page - 1)) ?? found, 'before');
  }

  /** The last page. A chain that is closed is asked once. */
  async #last(): Promise<LogPage | undefined> {
    if (this.#closing) return this.#closing;
    const last = await this.#pages.storage.last(this.partition);
    if (last && isClosing(last)) this.#closing = last;
    return last;
  }

  /** The pages from a number on, wherever they are, without a gap. */
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

  /** What follows when the storage did not show the page of this number: it is at the end, a moment behind, or archived. */
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

  /** Whether a page is in the storage, or was, as the last one or before it. */
  async #exists(page: number): Promise<boolean> {
    if (page <= this.#highest) return this.#highest > 0;
    const last = await this.#pages.storage.last(this.partition);
    this.#highest = Math.max(this.#highest, last?.page ?? 0);
    return last !== undefined && page <= last.page;
  }

  /** The first archived page out of some whose `through` is not before an instant. */
  async #seekInHole(recordedAt: string, first: number, last: number): Promise<LogPage | undefined> {
    if (first > last) return undefined;
    const { archive } = this.#pages;
    if (!archive) throw missing(this.partition, first, last + 1);
    return archive.seek(this.partition, recordedAt, first, last);
  }

  /** No page with a greater `through` before it can hold a commit recorded at or before `to`. */
  async #latest(to: string): Promise<string> {
    const last = await this.#pages.storage.last(this.partition);
    return isoOf(Date.parse(to) + (last?.latenessMs ?? 0)); // text, but with four digits for the year, so it compares
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

/** A page is neither in the storage nor in the archive. An AfterLogError without a next page. */
export function missing(partition: string, page: number, next?: number): CorruptDataError {
  const place = `page ${page} of the log's partition ${partition} is missing`;
  const remedy = 'restore the log from a backup';
  return next !== undefined
    ? new CorruptDataError(`${place}; the next one there is ${next}: ${remedy}`)
    : new AfterLogError(`${place}; the log ends before it, so its last pages are lost: ${remedy}`);
}

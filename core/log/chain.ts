import { CorruptDataError } from '../base/errors.ts';
import type { LogPage } from './page.ts';
import { type LogPlace, START } from './position.ts';
import type { LogStorage } from './storage.ts';

/** Where pages are found that left the storage after they had been archived. */
export interface ArchivedPages {
  /** The page of this number and those that follow it in its segment; nothing when no segment has it. */
  read(partition: string, page: number): AsyncIterable<LogPage>;
  /** The first archived page whose `through` is not before an instant, out of those with numbers under `before`. */
  seek(partition: string, recordedAt: string, before: number): Promise<LogPage | undefined>;
}

/** A place in a partition and the number of events before it. */
export interface Milestone {
  readonly partition: string;
  readonly place: LogPlace;
  readonly before: number;
}

/** Pages that one request asks for: a few at first, many once the reader goes on. A request ends at 1 MB anyway. */
const FIRST_REQUEST = 8;
const LARGEST_REQUEST = 512;

/** A partition of the log as a reader sees it: one chain of pages without gaps, wherever each of them is kept. */
export class LogChain {
  readonly partition: string;
  readonly #storage: LogStorage;
  readonly #archive: ArchivedPages | undefined;

  constructor(storage: LogStorage, partition: string, archive?: ArchivedPages) {
    this.#storage = storage;
    this.partition = partition;
    this.#archive = archive;
  }

  /**
   * The pages from a number on, up to the end, or up to where no page can hold a commit recorded at or before `to`.
   * @throws CorruptDataError when a page is neither in the storage nor in the archive
   */
  async *pages(from: number, { to, most }: { to: string | undefined; most: number }): AsyncGenerator<LogPage> {
    const until = to === undefined ? undefined : await this.#latest(to);
    let expected = from;
    for (let size = Math.min(most, FIRST_REQUEST); ; size = Math.min(size * 4, LARGEST_REQUEST)) {
      let taken = 0;
      for await (const page of this.#storage.read(this.partition, { after: expected - 1, limit: size })) {
        if (page.page !== expected) break;
        yield page;
        if (until !== undefined && page.through > until) return;
        expected++;
        taken++;
      }
      if (taken === size) continue;
      const before = expected;
      for await (const page of this.#elsewhere(expected)) {
        yield page;
        if (until !== undefined && page.through > until) return;
        expected++;
      }
      if (expected === before) return;
    }
  }

  /** The first page that can hold a commit recorded then or later: by bisection, so in O(log pages) requests. */
  async seek(recordedAt: string): Promise<Milestone> {
    const last = await this.#storage.last(this.partition);
    if (!last || last.through < recordedAt) return this.#milestone(last, 'after');
    const first = await this.#pageFrom(1);
    if (first && first.page > 1 && first.through >= recordedAt) {
      return this.#milestone((await this.#archive?.seek(this.partition, recordedAt, first.page)) ?? first, 'before');
    }
    let found = last;
    let low = first?.page ?? last.page;
    while (low < found.page) {
      const middle = await this.#pageFrom(Math.floor((low + found.page) / 2));
      if (middle && middle.through >= recordedAt && middle.page < found.page) found = middle;
      else low = Math.floor((low + found.page) / 2) + 1;
    }
    return this.#milestone(found, 'before');
  }

  /** The place after the last event. */
  async end(): Promise<Milestone> {
    return this.#milestone(await this.#storage.last(this.partition), 'after');
  }

  /** No page with a greater `through` before it can hold a commit recorded at or before `to`. */
  async #latest(to: string): Promise<string> {
    const last = await this.#storage.last(this.partition);
    return new Date(Date.parse(to) + (last?.latenessMs ?? 0)).toISOString();
  }

  /** What follows when the storage did not show the page of this number: it is at the end, a moment behind, or archived. */
  async *#elsewhere(page: number): AsyncGenerator<LogPage> {
    const [next] = await Array.fromAsync(this.#read(page - 1, 1));
    if (!next) return;
    if (next.page === page) {
      yield next;
      return;
    }
    let archived = false;
    for await (const found of this.#archive?.read(this.partition, page) ?? []) {
      archived = true;
      yield found;
    }
    if (archived) return;
    throw new CorruptDataError(
      `page ${page} of the log's partition ${this.partition} is missing; the next one there is ${next.page}`,
    );
  }

  #read(after: number, limit: number): AsyncIterable<LogPage> {
    return this.#storage.read(this.partition, { after, limit, consistent: true });
  }

  async #pageFrom(page: number): Promise<LogPage | undefined> {
    return (await Array.fromAsync(this.#read(page - 1, 1)))[0];
  }

  #milestone(page: LogPage | undefined, side: 'before' | 'after'): Milestone {
    const { partition } = this;
    if (!page) return { partition, place: START, before: 0 };
    return side === 'before'
      ? { partition, place: { page: page.page, offset: 0 }, before: page.firstEvent - 1 }
      : { partition, place: { page: page.page + 1, offset: 0 }, before: page.firstEvent + page.count - 1 };
  }
}

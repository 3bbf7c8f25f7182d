import type { EventSystem } from '../base/configuration.ts';
import { CorruptDataError } from '../base/errors.ts';
import { turn } from '../base/turns.ts';
import { foreign, type LogArchive } from './archive.ts';
import { allPartitions, type StoredLog } from './layouts.ts';
import { type LogPage, readCommits, readPageText } from './page.ts';
import type { PageText } from './segment.ts';

export interface LogArchiverOptions extends StoredLog {
  readonly archive: LogArchive;
  /** Age at which a page leaves the storage, days. */
  readonly retentionDays: number;
  readonly compression: boolean;
  readonly now?: () => Date;
}

/** What a configuration says of retention. */
export const retentionOf = ({ store: { retention_policy: policy } }: EventSystem) => ({
  retentionDays: policy.days,
  compression: policy.compression,
});

export interface ArchiveReport {
  readonly segments: number;
  readonly pages: number;
  readonly events: number;
}

const DAY_MS = 24 * 60 * 60 * 1_000;
/** A segment has so many pages, or bytes of text, at most: what a reader that wants one page has to fetch with it. */
const MAX_PAGES = 1_000;
const MAX_BYTES = 16 * 1024 * 1024;

/**
 * Takes pages that are old enough to the archive, and lets the storage drop them once they were read back from there. The
 * last page of a partition stays, however old: it says where the next one goes.
 */
export class LogArchiver {
  readonly #options: LogArchiverOptions;

  constructor(options: LogArchiverOptions) {
    this.#options = options;
  }

  /**
   * Archives all that is due. To be run now and then; a run that was cut off is finished by the next one.
   * @throws UnavailableError, CorruptDataError, also when the archive is of another history; what was archived before stays so
   */
  async run(): Promise<ArchiveReport> {
    const report = { segments: 0, pages: 0, events: 0 };
    for (const partition of await allPartitions(this.#options)) {
      for await (const pages of this.#due(partition)) {
        report.segments++;
        report.pages += pages.length;
        report.events += pages.reduce((sum, { count }) => sum + count, 0);
      }
    }
    return report;
  }

  /** Segment after segment, each yielded when it is archived. */
  async *#due(partition: string): AsyncGenerator<readonly LogPage[]> {
    const { storage, archive, compression } = this.#options;
    const [oldest] = await Array.fromAsync(storage.read(partition, { after: 0, limit: 1, consistent: true }));
    if (!oldest) return;
    const start = await archive.firstMissing(partition, oldest.page);
    if (start > oldest.page) {
      await this.#assertOwn(partition, oldest, start - 1);
      await storage.expire(partition, oldest.page, start - 1); // archived by a run that did not come to say so
    }
    for await (const texts of this.#segments(partition, start)) {
      const pages = texts.map(({ page }) => page);
      const [first, last] = [pages.at(0), pages.at(-1)];
      if (!first || !last) return;
      await archive.write(texts, compression ? 'gzip' : 'none', this.#now());
      await storage.expire(partition, first.page, last.page);
      yield pages;
    }
  }

  /**
   * The archive has the numbers of pages that are still in the storage. The first and the last of these pages have to be
   * the archived ones before any may go; the last page of the log is never archived.
   */
  async #assertOwn(partition: string, oldest: LogPage, archived: number): Promise<void> {
    const { storage, archive } = this.#options;
    const last = await storage.last(partition);
    if (!last || archived >= last.page) throw foreign(partition, archived);
    const newest = await Array.fromAsync(storage.read(partition, { after: archived - 1, limit: 1, consistent: true }));
    for (const page of [oldest, ...newest.filter(({ page }) => page === archived)]) {
      if (!(await archive.has(page))) throw foreign(partition, page.page);
    }
  }

  async *#segments(partition: string, start: number): AsyncGenerator<readonly PageText[]> {
    let pages: PageText[] = [];
    let bytes = 0;
    for await (const page of this.#old(partition, start)) {
      const text = await readPageText(page);
      if (pages.length === MAX_PAGES || (pages.length > 0 && bytes + text.length > MAX_BYTES)) {
        yield pages;
        [pages, bytes] = [[], 0];
      }
      pages.push({ page, text });
      bytes += text.length;
      await turn();
    }
    if (pages.length > 0) yield pages;
  }

  /** The pages from a number on that are old enough. */
  async *#old(partition: string, start: number): AsyncGenerator<LogPage> {
    const { storage } = this.#options;
    const last = await storage.last(partition);
    const now = this.#now();
    let until: number | undefined;
    for await (const page of storage.read(partition, { after: start - 1, consistent: true })) {
      if (page.page === last?.page) return;
      if (isBefore(page.through, now)) {
        if (!isBefore(page.through, this.#limit(now))) return;
      } else {
        until ??= await this.#lastOld(partition, page.page, last?.page ?? page.page, now);
        if (page.page > until) return;
      }
      yield page;
    }
  }

  /**
   * The last page that is old enough, from one on whose `through` is in the future: a clock was ahead there once, and
   * `through` never falls. Each page is then as old as its newest commit out of those that are not from the future; one that
   * has none of these is older than the pages after it.
   * @returns the number before the first page when none is old enough
   */
  async #lastOld(partition: string, from: number, last: number, now: Date): Promise<number> {
    let old = from - 1;
    for await (const page of this.#options.storage.read(partition, { after: from - 1, consistent: true })) {
      if (page.page === last) break;
      const newest = await newestBefore(page, now);
      if (newest !== undefined && !isBefore(newest, this.#limit(now))) break;
      if (newest !== undefined) old = page.page;
      await turn();
    }
    return old;
  }

  /** What is from before this moment is old enough. */
  #limit(now: Date): Date {
    return new Date(now.getTime() - this.#options.retentionDays * DAY_MS);
  }

  #now(): Date {
    return this.#options.now?.() ?? new Date();
  }
}

const isBefore = (instant: string, moment: Date): boolean => Date.parse(instant) < moment.getTime();

/** When the newest commit of a page was recorded, out of those recorded before a moment; undefined when there is none, or the page is damaged. */
async function newestBefore(page: LogPage, moment: Date): Promise<string | undefined> {
  try {
    const times = (await readCommits(page)).map(({ recordedAt }) => recordedAt);
    return times
      .filter((time) => isBefore(time, moment))
      .toSorted()
      .at(-1);
  } catch (error) {
    if (error instanceof CorruptDataError) return undefined;
    throw error;
  }
}

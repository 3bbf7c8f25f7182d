import type { EventSystem } from '../base/configuration.ts';
import { CorruptDataError } from '../base/errors.ts';
import { turn } from '../base/turns.ts';
import { foreign, type LogArchive } from './archive.ts';
import { allPartitions, type StoredLog } from './layouts.ts';
import { type LogPage, readCommits, readPageText } from './page.ts';
import type { PageText } from './segment.ts';

/** The parts and settings of a {@link LogArchiver}. */
export interface LogArchiverOptions extends StoredLog {
  readonly archive: LogArchive;
  /** Age at which a page leaves the storage, days. */
  readonly retentionDays: number;
  readonly compression: boolean;
  readonly now?: () => Date;
}

/** The retention in a configuration, as options of {@link LogArchiver}. */
export const retentionOf = ({ store: { retention_policy: policy } }: EventSystem) => ({
  retentionDays: policy.days,
  compression: policy.compression,
});

/** The work of one run. */
export interface ArchiveReport {
  readonly segments: number;
  readonly pages: number;
  readonly events: number;
}

const DAY_MS = 24 * 60 * 60 * 1_000;
/** Most pages and most bytes of text in a segment. A reader of one page fetches the whole segment. */
const MAX_PAGES = 1_000;
const MAX_BYTES = 16 * 1024 * 1024;

/**
 * Copies old pages to the archive, reads them back from there, and then lets the storage drop them. The last page of a
 * partition always stays, because it gives the number of the next page.
 */
export class LogArchiver {
  readonly #options: LogArchiverOptions;

  constructor(options: LogArchiverOptions) {
    this.#options = options;
  }

  /**
   * Archives all pages over the retention age. Run it regularly; the next run finishes an interrupted run.
   * @throws UnavailableError
   * @throws CorruptDataError also when the archive is of another history; finished segments stay archived
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

  /** Archives segment after segment and yields the pages of each archived segment. */
  async *#due(partition: string): AsyncGenerator<readonly LogPage[]> {
    const { storage, archive, compression } = this.#options;
    const [oldest] = await Array.fromAsync(storage.read(partition, { after: 0, limit: 1, consistent: true }));
    if (!oldest) return;
    const start = await archive.firstMissing(partition, oldest.page);
    if (start > oldest.page) {
      await this.#assertOwn(partition, oldest, start - 1);
      await storage.expire(partition, oldest.page, start - 1); // an interrupted run archived these pages
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
   * The archive has the numbers of pages that are still in the storage. Before any page may go, the first and the last
   * of these pages must equal the archived pages. The last page of the log is never archived.
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

  /** The old pages from a number on. */
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
   * The last old page, from a page on whose `through` is in the future. A clock was ahead there, and `through` never
   * falls. So the age of each page is the age of its newest commit that is not in the future. A page without such a
   * commit is older than the pages after it.
   * @returns the number before the first page when no page is old
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

/**
 * When the newest commit of a page before a moment was recorded; undefined without such a commit, or for a damaged
 * page.
 */
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

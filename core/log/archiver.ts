import type { EventSystem } from '../base/configuration.ts';
import type { LogArchive } from './archive.ts';
import { type LogPage, pageText } from './page.ts';
import { type PartitionStrategy, partitionsOf } from './partition.ts';
import type { LogStorage } from './storage.ts';

export interface LogArchiverOptions {
  readonly storage: LogStorage;
  readonly archive: LogArchive;
  readonly strategy: PartitionStrategy;
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
   * @throws UnavailableError, CorruptDataError; what was archived before stays so
   */
  async run(): Promise<ArchiveReport> {
    const report = { segments: 0, pages: 0, events: 0 };
    for (const partition of partitionsOf(this.#options.strategy)) {
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
    // Archived by a run that did not come to say so.
    if (start > oldest.page) await storage.expire(partition, oldest.page, start - 1);
    for await (const pages of this.#segments(partition, start)) {
      const [first, last] = [pages.at(0), pages.at(-1)];
      if (!first || !last) return;
      await archive.write(pages, compression ? 'gzip' : 'none', this.#now());
      await storage.expire(partition, first.page, last.page);
      yield pages;
    }
  }

  async *#segments(partition: string, start: number): AsyncGenerator<readonly LogPage[]> {
    const { storage, retentionDays } = this.#options;
    const before = new Date(this.#now().getTime() - retentionDays * DAY_MS).toISOString();
    const last = await storage.last(partition);
    let pages: LogPage[] = [];
    let bytes = 0;
    for await (const page of storage.read(partition, { after: start - 1, consistent: true })) {
      if (page.through >= before || page.page === last?.page) break;
      const size = pageText(page.body).length;
      if (pages.length === MAX_PAGES || (pages.length > 0 && bytes + size > MAX_BYTES)) {
        yield pages;
        [pages, bytes] = [[], 0];
      }
      pages.push(page);
      bytes += size;
    }
    if (pages.length > 0) yield pages;
  }

  #now(): Date {
    return this.#options.now?.() ?? new Date();
  }
}

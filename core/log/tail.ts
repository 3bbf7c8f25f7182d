import { type Commit, endOf } from '../store/commit.ts';
import { commitsOf, type LogPage, type PackedCommits } from './page.ts';
import type { LogStorage } from './storage.ts';

/** What of a stream is in the pages looked at. */
interface Logged {
  /** Version of each commit, and the page that it is in. */
  readonly versions: Map<number, number>;
  /** Sequence number of its last event there. */
  end: number;
}

/** How far back a redelivery is looked for. At 10 pages a second this is a quarter of an hour of a log that never rests. */
const MAX_LOOK_BACK = 10_000;
/** Pages that stay in memory; with 100 commits each, about 10 MB. */
const MAX_PAGES = 1_000;
const FIRST_LOOK = 8;

/**
 * The end of a partition's chain as a writer knows it: where the next page goes, and which commits the latest pages hold.
 *
 * That a commit is in none of them proves that it is not in the log at all, once {@link reachBack} was told its time: no
 * page has a `through` before the `recordedAt` of a commit inside, and `through` never falls along the chain, so the
 * commit can be in no page before the first one that was looked at.
 */
export class LogTail {
  readonly #storage: LogStorage;
  readonly #partition: string;
  readonly #logged = new Map<string, Logged>();
  /** The pages looked at, oldest first, without the one before them. */
  #pages: { readonly page: number; readonly through: string }[] = [];
  #last: LogPage | undefined;
  /** `through` of the page before the first one looked at; no commit recorded later is in it or before it. */
  #floor = '';

  private constructor(storage: LogStorage, partition: string, last: LogPage | undefined) {
    this.#storage = storage;
    this.#partition = partition;
    this.#last = last;
    this.#floor = last?.through ?? '';
  }

  /** @throws UnavailableError */
  static async open(storage: LogStorage, partition: string): Promise<LogTail> {
    return new LogTail(storage, partition, await storage.last(partition));
  }

  /** The page to put next, out of these commits. */
  next({ commits, body }: PackedCommits, now: Date): LogPage {
    const times = commits.map(({ recordedAt }) => recordedAt).toSorted();
    const [firstRecordedAt = '', lastRecordedAt = ''] = [times[0], times.at(-1)];
    const last = this.#last;
    const late = last ? Date.parse(last.through) - Date.parse(firstRecordedAt) : 0;
    return {
      partition: this.#partition,
      page: (last?.page ?? 0) + 1,
      firstEvent: last ? last.firstEvent + last.count : 1,
      count: commits.reduce((sum, { count }) => sum + count, 0),
      firstRecordedAt,
      through: last && last.through > lastRecordedAt ? last.through : lastRecordedAt,
      latenessMs: Math.max(last?.latenessMs ?? 0, late),
      appendedAt: now.toISOString(),
      types: commits.some(({ types }) => types.length === 0) ? [] : [...new Set(commits.flatMap(({ types }) => types))],
      body,
    };
  }

  /** Takes in the page that follows the last one known, whoever wrote it. */
  take(page: LogPage, commits: readonly Commit[] = commitsOf(page)): void {
    this.#remember(page, commits);
    this.#pages.push(page);
    this.#last = page;
    if (this.#pages.length > MAX_PAGES) this.#forget(this.#pages.length - MAX_PAGES / 2);
  }

  /** Takes in all pages that were put since. @throws UnavailableError */
  async catchUp(): Promise<void> {
    const after = this.#last?.page ?? 0;
    for await (const page of this.#storage.read(this.#partition, { after, consistent: true })) this.take(page);
  }

  /** Looks at the pages that can hold a commit recorded then or later. @throws UnavailableError */
  async reachBack(recordedAt: string): Promise<void> {
    for (let count = FIRST_LOOK; this.#floor >= recordedAt && this.#pages.length < MAX_LOOK_BACK; count *= 4) {
      const end = this.#pages[0]?.page ?? (this.#last?.page ?? 0) + 1;
      const start = Math.max(1, end - Math.min(count, MAX_LOOK_BACK));
      const after = Math.max(0, start - 2);
      const range = { after, limit: end - 1 - after, consistent: true };
      const pages = await Array.fromAsync(this.#storage.read(this.#partition, range));
      // The page before the first is read for its `through` alone. Page 1 has none before it, and what is archived is too old.
      this.#floor = (start > 1 ? pages.shift() : undefined)?.through ?? '';
      for (const page of pages) this.#remember(page, commitsOf(page));
      this.#pages = [...pages, ...this.#pages];
    }
  }

  /** Whether a commit is in the pages looked at. */
  has({ stream, version }: Pick<Commit, 'stream' | 'version'>): boolean {
    return this.#logged.get(stream)?.versions.has(version) ?? false;
  }

  /** Sequence number of a stream's last event in the pages looked at, if it is in any. */
  endOf(stream: string): number | undefined {
    return this.#logged.get(stream)?.end;
  }

  #remember({ page }: LogPage, commits: readonly Commit[]): void {
    for (const commit of commits) {
      const logged = this.#logged.get(commit.stream) ?? { versions: new Map(), end: 0 };
      logged.versions.set(commit.version, page);
      logged.end = Math.max(logged.end, endOf(commit));
      this.#logged.set(commit.stream, logged);
    }
  }

  #forget(pages: number): void {
    this.#floor = this.#pages[pages - 1]?.through ?? this.#floor;
    this.#pages = this.#pages.slice(pages);
    const oldest = this.#pages[0]?.page ?? 0;
    for (const [stream, { versions }] of this.#logged) {
      for (const [version, page] of versions) if (page < oldest) versions.delete(version);
      if (versions.size === 0) this.#logged.delete(stream);
    }
  }
}

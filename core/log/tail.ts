import { CorruptDataError } from '../base/errors.ts';
import { turn } from '../base/turns.ts';
import { type Commit, endOf } from '../store/commit.ts';
import type { LogChain } from './chain.ts';
import { assertOfHistory, type LoggedHistory } from './history.ts';
import { commitsOf, type LogPage, type PackedCommits } from './page.ts';
import type { LogStorage } from './storage.ts';

/** The writer of every 32nd page marks the streams of the pages up to it. */
const MARKED_AT_ONCE = 32;
/** When this many pages have no marks, the writer that should have marked their streams has died, and another does it. */
const MAX_UNMARKED_PAGES = 2 * MARKED_AT_ONCE;
/** The same for this many streams: an AWS Lambda function marks them in a few seconds, 25 in a request. */
const MAX_UNMARKED_STREAMS = 10_000;
/** Pages of an old log that are marked together, so that a stream that is in many of them is marked once. */
const MARKED_AT_ONCE_AT_START = 1_000;
/** Streams whose end stays in memory, about 10 MB. The end of another is read from its mark. */
const MAX_KNOWN_STREAMS = 50_000;

/**
 * The end of a partition's chain as a writer knows it: where the next page goes, and how far each stream is logged.
 *
 * The log has a stream from its first commit to some last one, without gaps, so one number says what of it is logged: the
 * sequence number of its last event in the log. That number is in one of the last pages of the chain, else it is the
 * stream's mark. The mark under the partition's name is the last page whose streams are all marked; it is raised after
 * theirs. Nothing here depends on times.
 */
export class LogTail {
  readonly #storage: LogStorage;
  readonly #chain: LogChain;
  readonly #partition: string;
  /** The last page whose streams are all marked. */
  #marked: number;
  #last: LogPage | undefined;
  /** Ends of the streams in the pages after that one, each with the last page that has the stream. */
  readonly #unmarked = new Map<string, { readonly end: number; readonly page: number; readonly isNew: boolean }>();
  /** Ends of other streams. Exact, because every page that follows is taken in. */
  readonly #known = new Map<string, number>();
  #maxKnown = MAX_KNOWN_STREAMS;

  private constructor(storage: LogStorage, chain: LogChain, marked: number, last: LogPage | undefined) {
    this.#storage = storage;
    this.#chain = chain;
    this.#partition = chain.partition;
    this.#marked = marked;
    this.#last = last;
  }

  /**
   * Reads the pages that are not marked yet. In a log that an earlier version wrote these are all: they are marked on the
   * way, and a run that is cut off goes on where it was.
   * @param partitions how many tails share the memory for ends of streams
   * @throws UnavailableError
   * @throws CorruptDataError when pages at the end of the chain are missing
   * @throws LostHistoryError when the chain is of another history than the events
   */
  static async open(storage: LogStorage, chain: LogChain, history: LoggedHistory, partitions = 1): Promise<LogTail> {
    const { partition } = chain;
    const marked = (await storage.marks([partition])).get(partition) ?? 0;
    const last = await storage.last(partition);
    if ((last?.page ?? 0) < marked) {
      throw new CorruptDataError(
        `the log's partition ${partition} ends at page ${last?.page ?? 0}, but it had page ${marked}: restore it from a backup`,
      );
    }
    const tail = new LogTail(storage, chain, marked, last);
    tail.#maxKnown = Math.ceil(MAX_KNOWN_STREAMS / partitions);
    if (!last) return tail;
    await assertOfHistory(last, history);
    for await (const page of chain.readable(marked + 1)) {
      tail.take(page);
      await turn();
      const many = tail.#unmarked.size >= MAX_UNMARKED_STREAMS || page.page - tail.#marked >= MARKED_AT_ONCE_AT_START;
      if (many) await tail.mark();
    }
    return tail;
  }

  /** The last page, if there is any. */
  get last(): LogPage | undefined {
    return this.#last;
  }

  /** The time now, for the chain: the later of the clock and the last page's time, so that times never fall along it. */
  timeOf(now: Date): string {
    const last = this.#last ? Date.parse(this.#last.appendedAt) : 0;
    return new Date(Math.max(now.getTime(), last)).toISOString();
  }

  /** The page to put next, out of these commits; a page of no commits closes the chain. */
  next({ commits, body }: PackedCommits, now: Date): LogPage {
    const last = this.#last;
    const times = commits.map(({ recordedAt }) => recordedAt).toSorted();
    const firstRecordedAt = times[0] ?? last?.through ?? this.timeOf(now);
    const lastRecordedAt = times.at(-1) ?? firstRecordedAt;
    const late = last ? Date.parse(last.through) - Date.parse(firstRecordedAt) : 0;
    return {
      partition: this.#partition,
      page: (last?.page ?? 0) + 1,
      firstEvent: last ? last.firstEvent + last.count : 1,
      count: commits.reduce((sum, { count }) => sum + count, 0),
      firstRecordedAt,
      through: last && last.through > lastRecordedAt ? last.through : lastRecordedAt,
      latenessMs: Math.max(last?.latenessMs ?? 0, late),
      appendedAt: this.timeOf(now),
      types: commits.some(({ types }) => types.length === 0) ? [] : [...new Set(commits.flatMap(({ types }) => types))],
      body,
    };
  }

  /** Takes in the page that follows the last one known, whoever wrote it. */
  take(page: LogPage, commits: readonly Commit[] = this.#readable(page)): void {
    for (const commit of commits) {
      const { end = 0, isNew = false } = this.#unmarked.get(commit.stream) ?? {};
      this.#unmarked.set(commit.stream, {
        end: Math.max(end, endOf(commit)),
        page: page.page,
        isNew: isNew || commit.version === 1,
      });
    }
    this.#last = page;
  }

  /**
   * Takes in the pages that were put since.
   * @returns false when these are too many, or some of them have left the storage: open the tail anew, which reads less
   * @throws UnavailableError
   */
  async catchUp(): Promise<boolean> {
    const range = { after: this.#last?.page ?? 0, limit: MAX_UNMARKED_PAGES, consistent: true };
    const pages = await Array.fromAsync(this.#storage.read(this.#partition, range));
    for (const page of pages) {
      if (page.page !== (this.#last?.page ?? 0) + 1) return false;
      this.take(page);
    }
    return pages.length < MAX_UNMARKED_PAGES;
  }

  /** The sequence number of each stream's last event in the log; 0 for a stream that is not in it. @throws UnavailableError */
  async ends(streams: ReadonlySet<string>): Promise<Map<string, number>> {
    const unknown = [...streams].filter((stream) => !this.#unmarked.has(stream) && !this.#known.has(stream));
    const marks = unknown.length > 0 ? await this.#storage.marks(unknown) : new Map<string, number>();
    const ends = new Map([...streams].map((stream) => [stream, marks.get(stream) ?? this.#endOf(stream)]));
    for (const [stream, end] of ends) this.#know(stream, end);
    return ends;
  }

  /**
   * Marks the streams of the pages that have no marks, if it is this writer's turn after it has put the last page: of
   * several writers one does it.
   * @throws UnavailableError
   */
  async markWhenDue(): Promise<void> {
    if ((this.#last?.page ?? 0) % MARKED_AT_ONCE !== 0) {
      if (!this.#isFull()) return;
      const marks = await this.#storage.marks([this.#partition]);
      this.#forget(marks.get(this.#partition) ?? 0);
      if (!this.#isFull()) return;
    }
    await this.mark();
  }

  /** Marks the streams of all pages. @throws UnavailableError */
  async mark(): Promise<void> {
    const page = this.#last?.page ?? 0;
    if (page <= this.#marked) return;
    const fresh = [...this.#unmarked].flatMap(([stream, { isNew }]) => (isNew ? [stream] : []));
    const ends = new Map([...this.#unmarked].map(([stream, { end }]) => [stream, end]));
    await this.#storage.raiseMarks(ends, new Set(fresh));
    await this.#storage.raiseMarks(new Map([[this.#partition, page]]));
    this.#forget(page);
  }

  /** The commits of a page. A damaged page counts as not written: the next commit of each stream brings back what it held. */
  #readable(page: LogPage): Commit[] {
    try {
      return commitsOf(page);
    } catch (error) {
      if (!(error instanceof CorruptDataError)) throw error;
      this.#chain.passOver(error);
      return [];
    }
  }

  #isFull(): boolean {
    const pages = (this.#last?.page ?? 0) - this.#marked;
    return pages >= MAX_UNMARKED_PAGES || this.#unmarked.size >= MAX_UNMARKED_STREAMS;
  }

  /** Pages up to this one are marked. */
  #forget(marked: number): void {
    this.#marked = Math.max(this.#marked, marked);
    for (const [stream, { end, page }] of this.#unmarked) {
      if (page > this.#marked) continue;
      this.#know(stream, Math.max(end, this.#known.get(stream) ?? 0));
      this.#unmarked.delete(stream);
    }
  }

  #endOf(stream: string): number {
    return Math.max(this.#unmarked.get(stream)?.end ?? 0, this.#known.get(stream) ?? 0);
  }

  #know(stream: string, end: number): void {
    this.#known.delete(stream); // a map keeps the order in which its entries were set: this one is now the newest
    this.#known.set(stream, end);
    const [oldest] = this.#known.keys();
    if (this.#known.size > this.#maxKnown && oldest !== undefined) this.#known.delete(oldest);
  }
}

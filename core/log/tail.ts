import { CorruptDataError } from '../base/errors.ts';
import { turn } from '../base/turns.ts';
import { type Commit, endOf } from '../store/commit.ts';
import type { LogChain } from './chain.ts';
import { assertOfHistory, type LoggedHistory } from './history.ts';
import { commitsOf, type LogPage, type PackedCommits } from './page.ts';
import type { LogStorage } from './storage.ts';

/** The writer of every 32nd page marks the streams of the pages up to it. */
const MARKED_AT_ONCE = 32;
/** When this many pages are unmarked, their writer has probably died, and another writer marks them. */
const MAX_UNMARKED_PAGES = 2 * MARKED_AT_ONCE;
/**
 * When this many streams are unmarked, a writer marks them. An AWS Lambda function does so in a few seconds, 25 in a
 * request.
 */
const MAX_UNMARKED_STREAMS = 10_000;
/** Pages of an old log that are marked together. A stream in many of them is then marked once. */
const MARKED_AT_ONCE_AT_START = 1_000;
/** Streams whose end stays in memory, about 10 MB. The ends of other streams are read from their marks. */
const MAX_KNOWN_STREAMS = 50_000;

/**
 * A writer's knowledge of the end of a partition's chain: the place of the next page, and how far each stream is
 * logged.
 *
 * The log has each stream from its first commit on without gaps. So one number says how much of a stream is logged: the
 * sequence number of its last event in the log. This number is in the unmarked pages at the end of the chain; otherwise
 * it is the stream's mark. The mark under the partition's name is the last page whose streams are all marked. It is
 * raised after the marks of the streams. Nothing here depends on times.
 */
export class LogTail {
  readonly #storage: LogStorage;
  readonly #chain: LogChain;
  readonly #partition: string;
  /** The last page whose streams are all marked. */
  #marked: number;
  #last: LogPage | undefined;
  /** Ends of the streams in the unmarked pages, each with the last page that has the stream. */
  readonly #unmarked = new Map<string, { readonly end: number; readonly page: number; readonly isNew: boolean }>();
  /** Ends of other streams. They are exact, because the tail takes in every later page. */
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
   * Reads the unmarked pages. In a log of an earlier version all pages are unmarked. They are marked during the read,
   * so an interrupted run continues at its place.
   * @param partitions the number of tails that share the memory for ends of streams
   * @throws UnavailableError
   * @throws CorruptDataError when pages at the end of the chain are missing
   * @throws LostHistoryError when the chain and the events have different histories
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

  /** The last page; undefined for an empty chain. */
  get last(): LogPage | undefined {
    return this.#last;
  }

  /**
   * The present time for the chain: the clock or the last page's time, whichever is later. So times never fall along
   * it.
   */
  timeOf(now: Date): string {
    const last = this.#last ? Date.parse(this.#last.appendedAt) : 0;
    return new Date(Math.max(now.getTime(), last)).toISOString();
  }

  /** The next page to put, with these commits. A page without commits closes the chain. */
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

  /** Takes in the page after the last known page, whichever writer put it. */
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
   * Takes in the pages that were put since the last call.
   * @returns false when there are too many pages, or when some of them have left the storage. Open the tail again then,
   *   which reads less
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

  /**
   * The sequence number of each stream's last event in the log; 0 for a stream without events there. @throws
   * UnavailableError
   */
  async ends(streams: ReadonlySet<string>): Promise<Map<string, number>> {
    const unknown = [...streams].filter((stream) => !this.#unmarked.has(stream) && !this.#known.has(stream));
    const marks = unknown.length > 0 ? await this.#storage.marks(unknown) : new Map<string, number>();
    const ends = new Map([...streams].map((stream) => [stream, marks.get(stream) ?? this.#endOf(stream)]));
    for (const [stream, end] of ends) this.#know(stream, end);
    return ends;
  }

  /**
   * Marks the streams of the unmarked pages, if the last page makes it due. Call it after a put, so that one of several
   * writers does the work.
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

  /**
   * The commits of a page. A damaged page counts as unwritten: its commits are logged again with the next commit of
   * each stream.
   */
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

  /** Pages up to this number are marked: their streams need not be remembered as unmarked. */
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
    this.#known.delete(stream); // a map keeps the order of insertion, so the stream becomes the newest entry
    this.#known.set(stream, end);
    const [oldest] = this.#known.keys();
    if (this.#known.size > this.#maxKnown && oldest !== undefined) this.#known.delete(oldest);
  }
}

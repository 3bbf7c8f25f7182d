import { ExponentialBackoff } from 'cockatiel';
import pLimit from 'p-limit';
import { CorruptDataError } from '../base/errors.ts';
import { pause } from '../base/pause.ts';
import { type Commit, endOf, inStreamOrder } from '../store/commit.ts';
import type { CommitStorage } from '../store/commit-storage.ts';
import { LogChain, type LogPages } from './chain.ts';
import { assertStrategy, isClosing, NO_COMMITS, PartitionStrategyError } from './closing.ts';
import { type PackedCommits, packCommits } from './page.ts';
import { partitionOf, WHOLE } from './partition.ts';
import { LogTail } from './tail.ts';

export interface LogWriterOptions extends LogPages {
  /** Where commits are read that a delivery left out. */
  readonly commits: Pick<CommitStorage, 'read'>;
  readonly now?: () => Date;
  /** Waits so many milliseconds, where time is simulated. */
  readonly pause?: (ms: number) => Promise<void>;
}

/** What writers share: anything that takes commits into the log. */
export interface LogAppender {
  append(commits: readonly Commit[]): Promise<void>;
}

/**
 * A writer that was idle for longer looks at the chain anew: in a day archived pages may leave the storage, and a number that
 * became free again must not be taken for the next one.
 */
const FRESH_MS = 60 * 60 * 1_000;

/** Commits read from the store at once to fill a gap; when more are missing, these are logged first. */
const FILLED_AT_ONCE = 1_000;
/** Pauses after a place that another writer took: with jitter, for writers that come back in step lose again and again. */
const LOST_PLACE = new ExponentialBackoff({ initialDelay: 10, maxDelay: 500 });

/** Commits that are to be logged, and the pages that they make. */
interface PackedBatch {
  readonly commits: readonly Commit[];
  readonly pages: readonly PackedCommits[];
}

const NOTHING: PackedBatch = { commits: [], pages: [] };

/**
 * Appends commits to the log, a batch as one page where it fits. Any number of writers may do so at once: the condition on
 * the page number decides every race, and the writer that loses takes in the winner's page and goes on after it.
 *
 * The log has each stream from its first commit on without gaps. What was logged before is left out, so redelivered and
 * re-cut batches change nothing; what a delivery left out is read from the store and logged first.
 */
export class LogWriter implements LogAppender {
  readonly #options: LogWriterOptions;
  readonly #tails = new Map<string, LogTail>();
  /** When the tails were last worked with, by the writer's clock. */
  #usedAt = 0;
  readonly #oneByOne = pLimit(1);
  /** Partitions in which another writer wrote lately: looking first costs less than a refused page. */
  readonly #contended = new Set<string>();
  #ready = false;

  constructor(options: LogWriterOptions) {
    this.#options = options;
  }

  /**
   * Returns when all commits are in the log.
   * @throws UnavailableError when some may not be; append the same ones again
   * @throws PartitionStrategyError when the log was divided and the strategy is to have one chain
   * @throws CorruptDataError when pages at the end of the log are missing
   * @throws LostHistoryError when the log is of another history than the events
   */
  append(commits: readonly Commit[]): Promise<void> {
    return this.#oneByOne(async () => {
      const { strategy } = this.#options;
      this.#forgetIfIdle();
      await this.#prepare();
      const partitions = Map.groupBy(inStreamOrder(commits), ({ stream }) => partitionOf(strategy, stream));
      for (const [partition, own] of partitions) await this.#appendTo(partition, own);
    });
  }

  #forgetIfIdle(): void {
    const now = this.#now().getTime();
    if (Math.abs(now - this.#usedAt) > FRESH_MS) this.#tails.clear(); // also after the clock was set back
    this.#usedAt = now;
  }

  async #appendTo(partition: string, commits: readonly Commit[]): Promise<void> {
    let batch = await this.#pack(partition, commits, NOTHING);
    let lost = LOST_PLACE.next();
    for (let look = 1; batch.pages.length > 0; look++) {
      if (this.#contended.has(partition)) {
        const isAlone = !(await this.#catchUp(partition));
        if (isAlone && look === 1) this.#contended.delete(partition); // later ones know the page that took the place
        batch = await this.#pack(partition, commits, batch);
      }
      if (!(await this.#putAll(partition, batch.pages))) {
        await (this.#options.pause ?? pause)(lost.duration);
        lost = lost.next(undefined);
      }
      batch = await this.#pack(partition, commits, batch);
    }
  }

  /**
   * What is not in the log yet, as pages. It is packed before the writer looks for the end of the chain, so that as little
   * as possible happens between the look and the put.
   */
  async #pack(partition: string, commits: readonly Commit[], before: PackedBatch): Promise<PackedBatch> {
    const missing = await this.#missing(await this.#tail(partition), commits);
    const isSame =
      missing.length === before.commits.length && missing.every((commit, n) => commit === before.commits[n]);
    return isSame ? before : { commits: missing, pages: await packCommits(missing) };
  }

  /** @returns false when a place was taken; the rest was not put then */
  async #putAll(partition: string, pages: readonly PackedCommits[]): Promise<boolean> {
    const tail = await this.#tail(partition);
    for (const page of pages) {
      if (await this.#put(tail, page)) continue;
      this.#contended.add(partition);
      return false;
    }
    return true;
  }

  /** @returns false when the place was taken, by another writer or by an earlier try of this one */
  async #put(tail: LogTail, packed: PackedCommits): Promise<boolean> {
    const page = tail.next(packed, this.#now());
    this.#options.recent?.keep(page, packed.commits);
    const occupant = await this.#options.storage.put(page);
    if (occupant) {
      tail.take(occupant);
      return false;
    }
    tail.take(page, packed.commits);
    await tail.markWhenDue();
    return true;
  }

  /** @returns whether other writers wrote since */
  async #catchUp(partition: string): Promise<boolean> {
    const tail = await this.#tail(partition);
    const before = tail.last?.page;
    if (!(await tail.catchUp())) this.#tails.delete(partition);
    if (this.#options.strategy === 'single' && tail.last && isClosing(tail.last)) throw new PartitionStrategyError();
    return tail.last?.page !== before;
  }

  async #tail(partition: string): Promise<LogTail> {
    const known = this.#tails.get(partition);
    if (known) return known;
    const { storage, commits } = this.#options;
    const tail = await LogTail.open(storage, new LogChain(this.#options, partition), commits);
    this.#tails.set(partition, tail);
    return tail;
  }

  /** Before the first append: checks the strategy, and closes the chain of the whole log when the log is divided. */
  async #prepare(): Promise<void> {
    if (this.#ready) return;
    const { storage, strategy } = this.#options;
    await assertStrategy(storage, strategy);
    while (strategy === 'by_aggregate_type') {
      const tail = await this.#tail(WHOLE);
      const isClosed = tail.last && isClosing(tail.last);
      if (isClosed) {
        await tail.mark(); // of all streams, so that a chain of an aggregate type knows what is logged here
        break;
      }
      if (!(await this.#put(tail, NO_COMMITS))) await this.#catchUp(WHOLE);
    }
    this.#ready = true;
  }

  /** The commits that are not in the log yet, with those before them that a delivery left out. At a large gap, the first of them. */
  async #missing(tail: LogTail, commits: readonly Commit[]): Promise<Commit[]> {
    const ends = await tail.ends(new Set(commits.map(({ stream }) => stream)));
    const missing: Commit[] = [];
    const add = (commit: Commit) => {
      missing.push(commit);
      ends.set(commit.stream, endOf(commit));
    };
    for (const commit of commits) {
      const end = ends.get(commit.stream) ?? 0;
      if (endOf(commit) <= end) continue;
      if (commit.version > end + 1) {
        for await (const between of this.#between(commit.stream, end + 1, commit.version - 1)) {
          add(between);
          if (missing.length >= FILLED_AT_ONCE) return missing;
        }
      }
      add(commit.body.length > 0 ? commit : await this.#whole(tail, commit));
    }
    return missing;
  }

  /** A commit that came without a body, for its delivery was damaged, as the store has it. What is damaged there, too, is logged without. */
  async #whole(tail: LogTail, commit: Commit): Promise<Commit> {
    for await (const stored of this.#between(commit.stream, commit.version, commit.version)) return stored;
    return { ...commit, recordedAt: tail.timeOf(this.#now()) };
  }

  /** Commits of a stream as the store has them, up to one that is damaged there. */
  async *#between(stream: string, from: number, to: number): AsyncGenerator<Commit> {
    try {
      yield* this.#options.commits.read(stream, { from, to, direction: 'forward' });
    } catch (error) {
      if (!(error instanceof CorruptDataError)) throw error;
      this.#options.onDamage?.(error);
    }
  }

  #now(): Date {
    return this.#options.now?.() ?? new Date();
  }
}

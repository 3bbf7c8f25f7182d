import { ExponentialBackoff } from 'cockatiel';
import pLimit from 'p-limit';
import { pause } from '../base/pause.ts';
import { type Commit, inStreamOrder } from '../store/commit.ts';
import { LogChain, type LogPages } from './chain.ts';
import { assertMayBecome, isClosing, isSameLayout, NO_COMMITS, PartitionStrategyError } from './closing.ts';
import { LAYOUTS, LogLayouts } from './layouts.ts';
import { type GapParts, missingCommits } from './missing-commits.ts';
import { type PackedCommits, packCommits } from './page.ts';
import { type LogLayout, layoutOf, partitionOf } from './partition.ts';
import { LogTail } from './tail.ts';

/** The parts of a {@link LogWriter}. */
export interface LogWriterOptions extends LogPages, Pick<GapParts, 'commits'> {
  readonly now?: () => Date;
  /** Waits a number of milliseconds; given where time is simulated. */
  readonly pause?: (ms: number) => Promise<void>;
}

/** The port of consumers that put commits into the log. */
export interface LogAppender {
  append(commits: readonly Commit[]): Promise<void>;
}

/**
 * A writer that was idle for longer than this reads the chain again. In a day archived pages may leave the storage, and
 * a freed number must not be taken for the next number.
 */
const FRESH_MS = 60 * 60 * 1_000;

/**
 * Partitions that a batch is put into side by side. More would lengthen the time between each read of the end and the
 * put.
 */
const PARTITIONS_AT_ONCE = 2;
/** Most reads of the end of a chain before a put, while other writers continue to write. */
const MOST_LOOKS = 3;
/** Pauses after a lost place. Writers without jitter would return at the same moment and lose again. */
const LOST_PLACE = new ExponentialBackoff({ initialDelay: 10, maxDelay: 500 });

/** Commits to log, and their pages. */
interface PackedBatch {
  readonly commits: readonly Commit[];
  readonly pages: readonly PackedCommits[];
}

const NOTHING: PackedBatch = { commits: [], pages: [] };

/**
 * Appends commits to the log, a batch as one page where it fits. Any number of writers may append at once: the
 * condition on the page number decides every race. The losing writer takes in the winner's page and continues after it.
 *
 * The log has each stream from its first commit on without gaps. Logged commits are omitted, so repeated and
 * differently cut batches change nothing. Commits that a delivery omitted are read from the store and logged first.
 */
export class LogWriter implements LogAppender {
  readonly #options: LogWriterOptions;
  readonly #tails = new Map<string, LogTail>();
  /** When the tails were last worked with, by the writer's clock. */
  #usedAt = 0;
  readonly #oneByOne = pLimit(1);
  /** Partitions with a recent page of another writer. A read of the end costs less than a refused page. */
  readonly #contended = new Set<string>();
  readonly #layouts: LogLayouts;
  readonly #layout: LogLayout;
  #ready = false;

  constructor(options: LogWriterOptions) {
    this.#options = options;
    this.#layouts = new LogLayouts(options);
    this.#layout = layoutOf(options, options.catalogue);
  }

  /**
   * Returns when all commits are in the log.
   * @throws UnavailableError when some commits may be missing; append the same commits again
   * @throws PartitionStrategyError when the log cannot change to the layout of the configuration
   * @throws CorruptDataError when pages at the end of the log are missing
   * @throws LostHistoryError when the log and the events have different histories
   */
  append(commits: readonly Commit[]): Promise<void> {
    return this.#oneByOne(async () => {
      this.#forgetIfIdle();
      await this.#prepare();
      const partitions = Map.groupBy(inStreamOrder(commits), ({ stream }) => partitionOf(this.#layout, stream));
      const limit = pLimit(PARTITIONS_AT_ONCE);
      const appended = [...partitions].map(([partition, part]) => limit(() => this.#appendTo(partition, part)));
      // All partitions end before the next batch begins, also when one fails.
      const failed = (await Promise.allSettled(appended)).find(({ status }) => status === 'rejected');
      if (failed?.status === 'rejected') throw failed.reason;
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
    // Not `untilSettled`: the packed pages stay between the attempts, and only a lost place costs a pause.
    for (let tries = 1; batch.pages.length > 0; tries++) {
      if (this.#contended.has(partition)) {
        const isAlone = (await this.#look(partition)) === 1;
        if (isAlone && tries === 1) this.#contended.delete(partition); // a later attempt already knows the winner's page
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
   * The commits that the log lacks, as pages. They are packed before the writer reads the end of the chain, so that
   * little time passes between the read and the put.
   */
  async #pack(partition: string, commits: readonly Commit[], before: PackedBatch): Promise<PackedBatch> {
    const missing = await missingCommits({ ...this.#options, now: this.#now() }, await this.#tail(partition), commits);
    const isSame =
      missing.length === before.commits.length && missing.every((commit, n) => commit === before.commits[n]);
    return isSame ? before : { commits: missing, pages: await packCommits(missing) };
  }

  /** @returns false when a place was taken; the remaining pages were not put then */
  async #putAll(partition: string, pages: readonly PackedCommits[]): Promise<boolean> {
    const tail = await this.#tail(partition);
    if (pages.length > 0 && tail.last && isClosing(tail.last)) await this.#refuse();
    for (const page of pages) {
      if (await this.#put(tail, page)) continue;
      this.#contended.add(partition);
      return false;
    }
    return true;
  }

  /** @returns false when the place was taken, by another writer or by an earlier attempt of this writer */
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

  /**
   * Reads the end of the chain. It takes time to take in pages of other writers, so it reads again until there are
   * none. A put right after such a read is rarely lost.
   * @returns the number of reads
   */
  async #look(partition: string): Promise<number> {
    let looks = 1;
    while ((await this.#catchUp(partition)) && looks < MOST_LOOKS) looks += 1;
    return looks;
  }

  /** @returns whether other writers put pages since the last read */
  async #catchUp(partition: string): Promise<boolean> {
    const tail = await this.#tail(partition);
    const before = tail.last?.page;
    if (!(await tail.catchUp())) this.#tails.delete(partition);
    return tail.last?.page !== before;
  }

  async #tail(partition: string): Promise<LogTail> {
    const known = this.#tails.get(partition);
    if (known) return known;
    const { storage, commits } = this.#options;
    const tail = await LogTail.open(
      storage,
      new LogChain(this.#options, partition),
      commits,
      this.#layout.partitions.length,
    );
    this.#tails.set(partition, tail);
    return tail;
  }

  /** Before the first append: gives the log the layout of the configuration. */
  async #prepare(): Promise<void> {
    while (!this.#ready) {
      await this.#layouts.read();
      await this.#layouts.keep(this.#now().toISOString());
      const layouts = await this.#layouts.read();
      const current = layouts.at(-1) ?? this.#layout;
      assertMayBecome(current, this.#layout);
      await this.#complete(layouts);
      if (isSameLayout(current, this.#layout)) this.#ready = true;
      else await this.#layouts.add(layouts.length, this.#layout, this.#now().toISOString());
    }
  }

  /**
   * Ends all layouts before the last. First every chain is closed, so that no writer puts another page there. Then
   * every stream in it is marked, so that the chains of the next layout know how much of it is logged.
   */
  async #complete(layouts: readonly LogLayout[]): Promise<void> {
    const completed = (await this.#options.storage.marks([LAYOUTS])).get(LAYOUTS) ?? 0;
    for (let number = completed + 1; number < layouts.length; number++) {
      const partitions = layouts[number - 1]?.partitions ?? [];
      for (const partition of partitions) await this.#close(partition);
      for (const partition of partitions) await (await this.#tail(partition)).mark();
      await this.#options.storage.raiseMarks(new Map([[LAYOUTS, number]]));
    }
  }

  async #close(partition: string): Promise<void> {
    for (;;) {
      const tail = await this.#tail(partition);
      if (tail.last && isClosing(tail.last)) return;
      if (!(await this.#put(tail, NO_COMMITS))) await this.#catchUp(partition);
    }
  }

  /** Another writer closed the chain and divided the log further. The next append reads the layouts again. */
  async #refuse(): Promise<never> {
    this.#ready = false;
    this.#tails.clear();
    throw new PartitionStrategyError((await this.#layouts.read()).at(-1) ?? this.#layout);
  }

  #now(): Date {
    return this.#options.now?.() ?? new Date();
  }
}

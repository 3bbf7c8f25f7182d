import pLimit from 'p-limit';
import { CorruptDataError } from '../base/errors.ts';
import { type Commit, endOf, inStreamOrder } from '../store/commit.ts';
import type { CommitStorage } from '../store/commit-storage.ts';
import { packCommits } from './page.ts';
import { type PartitionStrategy, partitionOf } from './partition.ts';
import type { LogStorage } from './storage.ts';
import { LogTail } from './tail.ts';

export interface LogWriterOptions {
  readonly storage: LogStorage;
  /** Where commits are read that a delivery left out. */
  readonly commits: Pick<CommitStorage, 'read'>;
  readonly strategy: PartitionStrategy;
  readonly now?: () => Date;
}

/** What writers share: anything that takes commits into the log. */
export interface LogAppender {
  append(commits: readonly Commit[]): Promise<void>;
}

/**
 * Appends commits to the log, a batch as one page where it fits. Any number of writers may do so at once: the condition on
 * the page number decides every race, and who loses takes in the winner's page and goes on after it.
 *
 * What was logged before is left out, so that redelivered and re-cut batches change nothing. A commit whose stream has an
 * earlier end in the pages looked at is logged after those in between, read from the store.
 */
export class LogWriter implements LogAppender {
  readonly #options: LogWriterOptions;
  readonly #tails = new Map<string, LogTail>();
  readonly #oneByOne = pLimit(1);
  /** Somebody else wrote lately: looking first costs less than a refused page. */
  #contended = false;

  constructor(options: LogWriterOptions) {
    this.#options = options;
  }

  /**
   * Returns when all commits are in the log.
   * @throws UnavailableError when some may not be; append the same ones again
   */
  append(commits: readonly Commit[]): Promise<void> {
    return this.#oneByOne(async () => {
      const { strategy } = this.#options;
      const whole = await Promise.all(commits.map((commit) => this.#whole(commit)));
      const partitions = Map.groupBy(inStreamOrder(whole), ({ stream }) => partitionOf(strategy, stream));
      for (const [partition, own] of partitions) await this.#appendTo(partition, own);
    });
  }

  /** What came without a body, for its delivery was damaged, is read from the store. What is damaged there, too, is logged without. */
  async #whole(commit: Commit): Promise<Commit> {
    if (commit.body.length > 0) return commit;
    try {
      const [stored] = await this.#between(commit.stream, commit.version, commit.version);
      if (stored) return stored;
    } catch (error) {
      if (!(error instanceof CorruptDataError)) throw error;
    }
    return { ...commit, recordedAt: this.#now().toISOString() };
  }

  #now(): Date {
    return this.#options.now?.() ?? new Date();
  }

  async #appendTo(partition: string, commits: readonly Commit[]): Promise<void> {
    const tail = await this.#tail(partition);
    if (this.#contended) await tail.catchUp();
    await tail.reachBack(commits.map(({ recordedAt }) => recordedAt).toSorted()[0] ?? '');
    this.#contended = false;
    while (!(await this.#put(tail, await this.#missing(tail, commits)))) {
      this.#contended = true;
      await tail.catchUp();
    }
  }

  /** @returns false when the place was taken, by another writer or by an earlier try of this one */
  async #put(tail: LogTail, commits: readonly Commit[]): Promise<boolean> {
    const { storage } = this.#options;
    for (const packed of packCommits(commits)) {
      const page = tail.next(packed, this.#now());
      const occupant = await storage.put(page);
      if (occupant) {
        tail.take(occupant);
        return false;
      }
      tail.take(page, packed.commits);
    }
    return true;
  }

  async #tail(partition: string): Promise<LogTail> {
    const tail = this.#tails.get(partition) ?? (await LogTail.open(this.#options.storage, partition));
    this.#tails.set(partition, tail);
    return tail;
  }

  /** The commits that are not in the log yet, with those before them that a delivery left out. */
  async #missing(tail: LogTail, commits: readonly Commit[]): Promise<Commit[]> {
    const missing = new Map<string, Commit>();
    const ends = new Map<string, number>();
    const add = (commit: Commit) => {
      const { stream, version } = commit;
      if (tail.has(commit)) return;
      missing.set(`${stream}@${version}`, commit);
      ends.set(stream, Math.max(ends.get(stream) ?? 0, endOf(commit)));
    };
    for (const commit of commits) {
      const end = ends.get(commit.stream) ?? tail.endOf(commit.stream);
      if (end !== undefined && commit.version > end + 1) {
        for (const between of await this.#between(commit.stream, end + 1, commit.version - 1)) {
          await tail.reachBack(between.recordedAt);
          add(between);
        }
      }
      add(commit);
    }
    return [...missing.values()];
  }

  #between(stream: string, from: number, to: number): Promise<Commit[]> {
    return Array.fromAsync(this.#options.commits.read(stream, { from, to, direction: 'forward' }));
  }
}

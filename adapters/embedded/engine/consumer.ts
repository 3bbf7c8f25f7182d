import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import type { Logger } from '../../../core/base/log-lines.ts';
import type { ClaimCheck } from '../../../core/store/claim-check.ts';
import { portionsOf } from '../../../core/store/portions.ts';
import type { ConsumerCheckpoint } from '../sqlite/checkpoint.ts';
import type { PositionedCommit, SqliteCommitStorage } from '../sqlite/commit-storage.ts';

/** Settings of a {@link Consumer}. */
export interface ConsumerOptions {
  /** Name for the log, with its article. */
  readonly name: string;
  readonly commits: Pick<SqliteCommitStorage, 'commitsAfter' | 'lastPosition'>;
  readonly checkpoint: ConsumerCheckpoint;
  readonly logger: Logger;
  /** Pause after a failure, milliseconds; 1 s by default. */
  readonly pauseMs?: number;
  /** Most commits of a batch, 100 by default. Small batches keep requests from waiting while the consumer catches up. */
  readonly batchSize?: number;
  /** Fetches the bodies of large commits. */
  readonly claims?: ClaimCheck;
  /** Processes a batch of commits. When it throws, the consumer delivers the same commits again after the pause. */
  readonly apply: (batch: readonly PositionedCommit[]) => Promise<void>;
  /** The first position that a restart must read again although `apply` returned; undefined when there is none. */
  readonly unfinished?: () => number | undefined;
}

const DEFAULT_BATCH = 100;
const PAUSE_AFTER_FAILURE_MS = 1_000;

/**
 * Delivers all commits in the order of their positions, from its checkpoint on, and waits for more: the embedded
 * counterpart of a Lambda that reads the table's stream. Delivery is at least once: a crash repeats the last commits.
 */
export class Consumer {
  readonly #options: ConsumerOptions;
  readonly #stopping = new AbortController();
  #position: number;
  #saved: number;
  #woken = Promise.withResolvers<void>();
  #failing = false;
  #running: Promise<void> | undefined;

  /** @throws UnavailableError when the checkpoint cannot be read */
  constructor(options: ConsumerOptions) {
    this.#options = options;
    // A checkpoint ahead of all commits is of events that were lost: those that come in their place must not be passed over.
    this.#saved = options.checkpoint.get();
    this.#position = Math.min(this.#saved, options.commits.lastPosition());
  }

  /** Position of the last commit that `apply` processed. */
  get position(): number {
    return this.#position;
  }

  /** True from a failure to the next success. */
  get failing(): boolean {
    return this.#failing;
  }

  /** Starts to deliver. A second call does nothing. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Makes the consumer look for new commits. */
  wake(): void {
    this.#woken.resolve();
  }

  /** Finishes the current batch, saves the checkpoint, and stops. */
  async close(): Promise<void> {
    this.#stopping.abort();
    this.wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      this.#woken = Promise.withResolvers(); // before the read, so that a commit right after the read wakes the loop
      const { promise: woken } = this.#woken;
      try {
        const busy = await this.#step();
        this.#failing = false;
        await (busy ? nextTurn() : woken); // requests get a turn of the event loop between batches
      } catch (error) {
        this.#report(error);
        await delay(this.#options.pauseMs ?? PAUSE_AFTER_FAILURE_MS, undefined, {
          signal: this.#stopping.signal,
        }).catch(() => {});
      }
    }
  }

  /** @returns whether there were commits to deliver */
  async #step(): Promise<boolean> {
    const { commits, batchSize = DEFAULT_BATCH } = this.#options;
    const stored = commits.commitsAfter(this.#position, batchSize);
    let taken = 0;
    for (const batch of portionsOf(stored, ({ commit }) => commit)) {
      if (taken++ > 0) await nextTurn();
      if (this.#stopping.signal.aborted) break;
      await this.#take(batch);
    }
    this.#save();
    return stored.length > 0;
  }

  async #take(batch: readonly PositionedCommit[]): Promise<void> {
    await this.#options.apply(await this.#withBodies(batch));
    this.#position = batch.at(-1)?.position ?? this.#position;
  }

  async #withBodies(batch: readonly PositionedCommit[]): Promise<readonly PositionedCommit[]> {
    const { claims } = this.#options;
    if (!claims) return batch;
    return Promise.all(batch.map(async ({ position, commit }) => ({ position, commit: await claims.deliver(commit) })));
  }

  #save(): void {
    const unfinished = this.#options.unfinished?.();
    const done = unfinished === undefined ? this.#position : Math.min(this.#position, unfinished - 1);
    if (done === this.#saved) return;
    this.#options.checkpoint.save(done);
    this.#saved = done;
  }

  #report(error: unknown): void {
    const { logger, name } = this.#options;
    if (!this.#failing) logger.error(`${name} failed and tries again every second`, { error });
    this.#failing = true;
  }
}

import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import type { Logger } from '../../../core/base/log-lines.ts';
import type { ClaimCheck } from '../../../core/store/claim-check.ts';
import { portionsOf } from '../../../core/store/portions.ts';
import type { ConsumerCheckpoint } from '../sqlite/checkpoint.ts';
import type { PositionedCommit, SqliteCommitStorage } from '../sqlite/commit-storage.ts';

export interface ConsumerOptions {
  readonly name: string;
  readonly commits: SqliteCommitStorage;
  readonly checkpoint: ConsumerCheckpoint;
  readonly logger: Logger;
  /** Pause after a failure, milliseconds; 1 s by default. */
  readonly pauseMs?: number;
  /** Most commits a batch; few enough that requests do not wait long while a consumer catches up. */
  readonly batchSize?: number;
  /** Gets large commits their bodies. */
  readonly claims?: ClaimCheck;
  /** Takes in commits. Returns when it is done with them; throws when it wants the same ones again, a second later. */
  readonly apply: (batch: readonly PositionedCommit[]) => Promise<void>;
  /** The first position that must be read again after a restart although `apply` returned; undefined when there is none. */
  readonly unfinished?: () => number | undefined;
}

const DEFAULT_BATCH = 100;
const PAUSE_AFTER_FAILURE_MS = 1_000;

/**
 * Reads all commits in their order, from where it was when it last stopped, and waits for more: the embedded counterpart
 * of a reader of the table's stream. Commits come at least once; after a crash the last ones come again.
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
    this.#position = options.checkpoint.get();
    this.#saved = this.#position;
  }

  /** Position of the last commit taken in. */
  get position(): number {
    return this.#position;
  }

  /** True from a failure to the next success. */
  get failing(): boolean {
    return this.#failing;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Says that there may be something to do. */
  wake(): void {
    this.#woken.resolve();
  }

  /** Finishes the batch in work, remembers how far it came, and reads no more. */
  async close(): Promise<void> {
    this.#stopping.abort();
    this.wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      this.#woken = Promise.withResolvers(); // made anew before the look, so that a commit right after it is not missed
      const { promise: woken } = this.#woken;
      try {
        const busy = await this.#step();
        this.#failing = false;
        await (busy ? nextTurn() : woken); // let requests have their turn, also while catching up
      } catch (error) {
        this.#report(error);
        await delay(this.#options.pauseMs ?? PAUSE_AFTER_FAILURE_MS, undefined, {
          signal: this.#stopping.signal,
        }).catch(() => {});
      }
    }
  }

  /** @returns whether there was anything to do */
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
    await this.#options.apply(await this.#whole(batch));
    this.#position = batch.at(-1)?.position ?? this.#position;
  }

  async #whole(batch: readonly PositionedCommit[]): Promise<readonly PositionedCommit[]> {
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
    if (!this.#failing) logger.error(`${name} cannot go on; it tries again every second`, { error });
    this.#failing = true;
  }
}

import type { DatabaseSync } from 'node:sqlite';
import type { Logger } from '../../../core/base/log-lines.ts';
import type { RetryPolicy } from '../../../core/base/retry.ts';
import { SagaRunner } from '../../../core/sagas/embedded-runner/runner.ts';
import { SagaExecution } from '../../../core/sagas/execution.ts';
import type { AnySaga } from '../../../core/sagas/saga.ts';
import type { ClaimCheck } from '../../../core/store/claim-check.ts';
import type { Commit } from '../../../core/store/commit.ts';
import type { EventStore } from '../../../core/store/event-store.ts';
import { sqliteCheckpoint } from '../sqlite/checkpoint.ts';
import type { SqliteCommitStorage } from '../sqlite/commit-storage.ts';
import { SqliteSagaIndex } from '../sqlite/saga-index.ts';
import { Consumer } from './consumer.ts';

export interface SagaEngineOptions {
  readonly sagas: readonly AnySaga[];
  readonly store: EventStore;
  readonly commits: SqliteCommitStorage;
  /** Gets large commits their bodies. */
  readonly claims?: ClaimCheck;
  /** Keeps the checkpoint and the index; see {@link SqliteSagaIndex}. */
  readonly database: DatabaseSync;
  readonly policy: RetryPolicy;
  readonly logger: Logger;
  /** Sees the work on each batch of commits. */
  readonly observe?: (work: CommitWork) => CommitWork;
}

type CommitWork = (commits: readonly Commit[]) => Promise<readonly never[]>;

/** Longest sleep: timers hold no more than 24 days, and a clock that was set is noticed. */
const LONGEST_SLEEP_MS = 60_000;
const PAUSE_AFTER_FAILURE_MS = 1_000;

/** Runs sagas on the embedded engine: a consumer of all commits, and one timer for the next deadline of all sagas. */
export class SagaEngine {
  readonly #runner: SagaRunner;
  readonly #consumer: Consumer;
  readonly #logger: Logger;
  /** Where commits stand that sagas may not be done with. */
  readonly #positions = new WeakMap<Commit, number>();
  #timer: NodeJS.Timeout | undefined;
  #waking: Promise<void> = Promise.resolve();
  #closed = false;

  constructor({
    sagas,
    store,
    commits,
    claims,
    database,
    policy,
    logger,
    observe = (work) => work,
  }: SagaEngineOptions) {
    const execution = new SagaExecution({ sagas, store });
    this.#logger = logger;
    this.#runner = new SagaRunner({ execution, index: new SqliteSagaIndex(database), policy, logger });
    const work = observe(async (batch) => {
      await this.#runner.apply(batch);
      return [];
    });
    this.#consumer = new Consumer({
      name: 'the saga runner',
      commits,
      ...(claims ? { claims } : {}),
      checkpoint: sqliteCheckpoint(database, ['sagas']),
      logger,
      apply: async (batch) => {
        for (const { commit, position } of batch) this.#positions.set(commit, position);
        await work(batch.map(({ commit }) => commit));
        this.#sleep(0);
      },
      unfinished: () => this.#unfinished(),
    });
  }

  get failing(): boolean {
    return this.#consumer.failing;
  }

  start(): void {
    this.#consumer.start();
    this.#sleep(0);
  }

  /** Says that there may be something to do. */
  wake(): void {
    this.#consumer.wake();
  }

  /** Finishes what is in work. What is not done is done after the next start. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await Promise.all([this.#consumer.close(), this.#waking]);
  }

  /** The first position that a saga is not done with: a restart reads from there. */
  #unfinished(): number | undefined {
    let oldest: number | undefined;
    for (const commit of this.#runner.unfinished()) {
      const position = this.#positions.get(commit);
      if (position !== undefined) oldest = Math.min(position, oldest ?? position);
    }
    return oldest;
  }

  #sleep(ms: number): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#waking = this.#waking.then(() => this.#wakeSagas());
    }, ms);
  }

  async #wakeSagas(): Promise<void> {
    if (this.#closed) return;
    try {
      const before = this.#unfinished();
      const next = await this.#runner.wake();
      if (this.#unfinished() !== before) this.#consumer.wake(); // to save how far it has come
      if (next) this.#sleep(Math.min(Math.max(0, next.getTime() - Date.now()), LONGEST_SLEEP_MS));
    } catch (error) {
      this.#logger.error('sagas that are due cannot be woken; it is tried again every second', { error });
      this.#sleep(PAUSE_AFTER_FAILURE_MS);
    }
  }
}

import type { DatabaseSync } from 'node:sqlite';
import { type Logger, logLines } from '../../../core/base/log-lines.ts';
import type { RetryPolicy } from '../../../core/base/retry.ts';
import type { RedriveResult } from '../../../core/projections/redrive.ts';
import type { ViewStore } from '../../../core/projections/view-store.ts';
import { ParkedStreams, SAGAS } from '../../../core/publishing/parked-streams.ts';
import type { SagaMarks } from '../../../core/sagas/embedded-runner/dead-letters.ts';
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
import { DueTimer } from './due-timer.ts';

/** The stores and settings of a {@link SagaEngine}. */
export interface SagaEngineOptions {
  readonly sagas: readonly AnySaga[];
  readonly store: EventStore;
  readonly commits: SqliteCommitStorage;
  /** Fetches the bodies of large commits. */
  readonly claims?: ClaimCheck;
  /** Keeps the checkpoint and the index; see {@link SqliteSagaIndex}. */
  readonly database: DatabaseSync;
  readonly policy: RetryPolicy;
  readonly logger: Logger;
  /** Wraps the work on each batch of commits, to observe it. */
  readonly observe?: (work: CommitWork) => CommitWork;
  /** The store of the marks of dead letters. */
  readonly marks: ViewStore;
  /** Called after each dead letter. */
  readonly onParked?: () => void;
}

type CommitWork = (commits: readonly Commit[]) => Promise<readonly never[]>;

const PAUSE_AFTER_FAILURE_MS = 1_000;

/** Runs sagas on the embedded engine: a consumer of all commits, and a timer for the next deadline of all sagas. */
export class SagaEngine {
  readonly #runner: SagaRunner;
  readonly #consumer: Consumer;
  readonly #marks: ParkedStreams;
  readonly #timer: DueTimer;

  constructor({
    sagas,
    store,
    commits,
    claims,
    database,
    policy,
    logger,
    observe = (work) => work,
    marks,
    onParked = () => {},
  }: SagaEngineOptions) {
    const execution = new SagaExecution({ sagas, store });
    this.#marks = new ParkedStreams(marks, SAGAS);
    const index = new SqliteSagaIndex(database);
    this.#runner = new SagaRunner({
      execution,
      index,
      policy,
      logger,
      marks: loggedMarks(this.#marks, logger, onParked),
    });
    this.#timer = new DueTimer({
      run: async () => (await this.#runner.wake())?.getTime(),
      failed: 'sagas that are due cannot be woken; the engine tries again every second',
      pauseMs: PAUSE_AFTER_FAILURE_MS,
      logger,
    });
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
        await work(batch.map(({ commit }) => commit));
        this.#timer.wakeAt(Date.now());
      },
    });
  }

  /** True from a failure to the next success. */
  get failing(): boolean {
    return this.#consumer.failing;
  }

  /** Number of streams that wait as dead letters. */
  get parked(): number {
    return this.#runner.parked;
  }

  /** Retries a stream that waits as a dead letter. @throws UnavailableError */
  async redrive(stream: string): Promise<RedriveResult> {
    const reached = await this.#runner.redrive(stream);
    this.#timer.wakeAt(Date.now());
    const { parked } = await this.#marks.read(stream);
    return parked ? { ...reached, parked } : reached;
  }

  /** Starts to deliver commits to sagas and to wake sagas that are due. */
  start(): void {
    this.#consumer.start();
    this.#timer.start();
  }

  /** Makes the engine look for new commits. */
  wake(): void {
    this.#consumer.wake();
  }

  /** Finishes the current work. The next start goes on with the rest. */
  async close(): Promise<void> {
    await Promise.all([this.#consumer.close(), this.#timer.close()]);
  }
}

const loggedMarks = (marks: ParkedStreams, logger: Logger, onParked: () => void): SagaMarks => ({
  streams: () => marks.streams(),
  settle: (...outcome) => marks.settle(...outcome),
  park: async (stream, failure) => {
    const parked = await marks.park(stream, failure);
    logLines(logger).parkedBySagas(stream, parked, failure.error);
    onParked();
  },
});

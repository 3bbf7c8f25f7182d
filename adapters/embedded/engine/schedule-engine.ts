import type { DatabaseSync } from 'node:sqlite';
import pLimit from 'p-limit';
import { AnnalsError } from '../../../core/base/errors.ts';
import type { Logger } from '../../../core/base/log-lines.ts';
import { SCHEDULE_STREAMS } from '../../../core/events/schedule.ts';
import type { ActionParts } from '../../../core/schedules/actions.ts';
import { ScheduleExecution } from '../../../core/schedules/execution.ts';
import { sqliteCheckpoint } from '../sqlite/checkpoint.ts';
import type { SqliteCommitStorage } from '../sqlite/commit-storage.ts';
import { SqliteTimers } from '../sqlite/timers.ts';
import { Consumer } from './consumer.ts';
import { DueTimer } from './due-timer.ts';

/** The stores and declarations of a {@link ScheduleEngine}. */
export interface ScheduleEngineOptions extends ActionParts {
  readonly commits: SqliteCommitStorage;
  /** Keeps the checkpoint and the timers; see {@link SqliteTimers}. */
  readonly database: DatabaseSync;
  readonly logger: Logger;
}

const PAUSE_AFTER_FAILURE_MS = 1_000;
/** Pause of a schedule that cannot be read, so that it does not delay others. */
const PAUSE_OF_DAMAGED_MS = 60_000;
/** Schedules that are woken at once, and side by side. */
const WAKE_BATCH = 100;
const CONCURRENCY = 16;
/** Commits looked at in one step. Their bodies are not read. */
const BATCH = 1_000;

const PREFIX = `${SCHEDULE_STREAMS}-`;

/** Runs schedules on the embedded engine: a consumer of their streams, and a timer for the next due instant of all. */
export class ScheduleEngine {
  readonly #execution: ScheduleExecution;
  readonly #timers: SqliteTimers;
  readonly #consumer: Consumer;
  readonly #logger: Logger;
  readonly #timer: DueTimer;

  constructor({ commits, database, logger, ...parts }: ScheduleEngineOptions) {
    this.#logger = logger;
    this.#timers = new SqliteTimers(database);
    this.#execution = new ScheduleExecution({ ...parts, timers: this.#timers, logger, upSince: new Date() });
    this.#timer = new DueTimer({
      run: () => this.#wakeDue(),
      failed: 'schedules that are due cannot run; the engine tries again every second',
      pauseMs: PAUSE_AFTER_FAILURE_MS,
      logger,
    });
    this.#consumer = new Consumer({
      name: 'the runner of schedules',
      commits: {
        lastPosition: () => commits.lastPosition(),
        commitsAfter: (position, limit) => commits.placesAfter(position, limit),
      },
      checkpoint: sqliteCheckpoint(database, ['schedules']),
      logger,
      batchSize: BATCH,
      apply: async (batch) => {
        const streams = new Set(batch.map(({ commit }) => commit.stream).filter((stream) => stream.startsWith(PREFIX)));
        if (streams.size === 0) return;
        await this.#wakeAll([...streams].map((stream) => stream.slice(PREFIX.length)));
        this.#timer.wakeAt(Date.now());
      },
    });
  }

  /** True from a failure to the next success. */
  get failing(): boolean {
    return this.#consumer.failing;
  }

  /** Starts to follow schedules, and to run those that are due. */
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

  async #wakeDue(): Promise<number | undefined> {
    await this.#wakeAll(this.#timers.due(new Date().toISOString(), WAKE_BATCH));
    const next = this.#timers.nextDue();
    return next === undefined ? undefined : Date.parse(next);
  }

  async #wakeAll(scheduleIds: readonly string[]): Promise<void> {
    const limit = pLimit(CONCURRENCY);
    await Promise.all(scheduleIds.map((scheduleId) => limit(() => this.#wakeOne(scheduleId))));
  }

  async #wakeOne(scheduleId: string): Promise<void> {
    try {
      await this.#execution.wake(scheduleId);
    } catch (error) {
      if (error instanceof AnnalsError && error.code === 'UNAVAILABLE') throw error;
      const dueAt = new Date(Date.now() + PAUSE_OF_DAMAGED_MS).toISOString();
      await this.#timers.set({ scheduleId, dueAt });
      this.#logger.error('a schedule cannot run; it is tried again every minute', { scheduleId, error });
    }
  }
}

import { AnnalsError } from '../base/errors.ts';
import type { Logger } from '../base/log-lines.ts';
import { streamId } from '../base/stream-id.ts';
import type { ScheduleAction } from '../events/schedule.ts';
import { handleCommand } from '../state/decider.ts';
import { stateFold } from '../state/fold.ts';
import { type ActionParts, perform } from './actions.ts';
import { type ScheduleCommand, scheduleDecider } from './decider.ts';
import type { ScheduleRun, ScheduleState } from './state.ts';
import type { Timers } from './timers.ts';

/** The parts and settings of {@link ScheduleExecution}. */
export interface ScheduleExecutionOptions extends ActionParts {
  readonly timers: Timers;
  readonly logger: Pick<Logger, 'error'>;
  readonly now?: () => Date;
  /** Since when the system is up, where the host knows that. Runs that were due before were missed. */
  readonly upSince?: Date;
}

/** Most steps in one {@link ScheduleExecution.wake}; a run is two. The timers call again for the rest. */
const MAX_STEPS = 200;

/** Brings schedules to where their histories and the time say they are. Every call may be repeated, also concurrently. */
export class ScheduleExecution {
  readonly #options: ScheduleExecutionOptions;
  readonly #now: () => Date;

  constructor(options: ScheduleExecutionOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => new Date());
  }

  /**
   * Does the due work of a schedule, and asks the timers for the next call: a run that has begun is finished, a run that
   * is due begins.
   * @throws UnavailableError, CorruptDataError; the next call goes on
   */
  async wake(scheduleId: string): Promise<void> {
    for (let steps = 0; steps < MAX_STEPS; steps++) {
      const state = await this.#load(scheduleId);
      const { status, running, next, last } = state;
      if (running) {
        await this.#finish(scheduleId, state, running);
      } else if (status !== 'ACTIVE' || next === undefined) {
        const dueAt = next ?? last?.dueAt;
        return dueAt === undefined ? undefined : this.#options.timers.remove({ scheduleId, dueAt });
      } else if (Date.parse(next) > this.#now().getTime()) {
        return this.#options.timers.set({ scheduleId, dueAt: next });
      } else {
        await this.#decide(scheduleId, { kind: 'fire', dueAt: next, upSince: this.#options.upSince?.toISOString() });
      }
    }
    await this.#options.timers.set({ scheduleId, dueAt: this.#now().toISOString() });
  }

  async #finish(scheduleId: string, { action, correlationId }: ScheduleState, { dueAt, firedBy }: ScheduleRun) {
    const defaults = { source: 'schedule', correlationId, causationId: firedBy };
    const outcome = await perform(this.#options, action, { scheduleId, dueAt }, { defaults, now: this.#now }).then(
      (effect) => ({ kind: 'finish' as const, ...effect }),
      (error) => {
        if (mayPass(error, action)) throw error;
        return { kind: 'fail' as const, reason: this.#reasonOf(error, scheduleId) };
      },
    );
    await this.#decide(scheduleId, { dueAt, ...outcome });
  }

  #reasonOf(error: unknown, scheduleId: string): string {
    if (error instanceof AnnalsError) return error.message;
    this.#options.logger.error('a run of a schedule failed in the code of the application', { scheduleId, error });
    return 'the code of the application failed; the log of the server has the error';
  }

  async #load(scheduleId: string): Promise<ScheduleState> {
    const { states } = this.#options;
    return (await states.load(stateFold(scheduleDecider), streamId(scheduleDecider.aggregateType, scheduleId))).state;
  }

  async #decide(scheduleId: string, command: ScheduleCommand): Promise<void> {
    const { store, states } = this.#options;
    const options = { now: this.#now, states, defaults: { source: 'schedule' } };
    await handleCommand(store, scheduleDecider, scheduleId, command, options);
  }
}

/** Whether a run may succeed when it is tried again. A version that the action expects is given: a conflict stays one. */
function mayPass(error: unknown, action: ScheduleAction): boolean {
  if (!(error instanceof AnnalsError)) return false;
  const expects = action.kind === 'append' && action.expectedVersion !== 'any';
  return error.code === 'UNAVAILABLE' || (error.code === 'CONCURRENCY_CONFLICT' && !expects);
}

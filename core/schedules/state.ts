import type { DomainEvent, EventData } from '../events/catalogue.ts';
import {
  SCHEDULE_STREAMS,
  type ScheduleAction,
  type ScheduleEventType,
  type ScheduleTiming,
} from '../events/schedule.ts';
import type { Fold } from '../state/fold.ts';
import { stateFold } from '../state/fold.ts';

/** A run that has begun. */
export interface ScheduleRun {
  readonly dueAt: string;
  /** Counts from 1. */
  readonly run: number;
  /** Id of the event that began the run: the cause of its effect. */
  readonly firedBy: string | undefined;
}

/** `FAILED`: a schedule with a single run, which was refused. `NONE` before the creation. */
export type ScheduleStatus = 'NONE' | 'ACTIVE' | 'COMPLETED' | 'FAILED' | 'CANCELLED';

/** The state of a schedule, folded from its history. */
export interface ScheduleState {
  readonly status: ScheduleStatus;
  readonly timing: ScheduleTiming;
  readonly action: ScheduleAction;
  /** The next run, ISO 8601; absent when there is none. Of a cancelled schedule the run that does not come. */
  readonly next?: string | undefined;
  /** The run whose outcome is not known yet. */
  readonly running?: ScheduleRun | undefined;
  /** Runs begun, and those of them that failed. */
  readonly runs: number;
  readonly failures: number;
  /** The last run with an outcome. */
  readonly last?: (Pick<ScheduleRun, 'dueAt' | 'run'> & { readonly failed: boolean }) | undefined;
  readonly correlationId?: string | undefined;
}

const initialState: ScheduleState = {
  status: 'NONE',
  timing: { at: '' },
  action: { kind: 'append', streamId: '', expectedVersion: 'any', events: [] },
  runs: 0,
  failures: 0,
};

/** Whether a schedule runs again and again. */
export const recurs = (timing: ScheduleTiming): timing is Extract<ScheduleTiming, { cron: string }> => 'cron' in timing;

/** The schedule after an event of its history. */
function evolve(state: ScheduleState, event: DomainEvent<ScheduleEventType>): ScheduleState {
  switch (event.type) {
    case 'schedule.created': {
      const { timing, action, next } = event.data;
      return { ...state, status: 'ACTIVE', timing, action, next, correlationId: event.correlationId };
    }
    case 'schedule.fired': {
      const { dueAt, run, next } = event.data;
      return { ...state, next, running: { dueAt, run, firedBy: event.id }, runs: run };
    }
    case 'schedule.ran': {
      const overruled = state.running?.dueAt !== event.data.dueAt; // it was recorded as failed before
      const failures = overruled ? state.failures - 1 : state.failures;
      return { ...ended(state, event.data, false), failures };
    }
    case 'schedule.failed':
      return { ...ended(state, event.data, true), failures: state.failures + 1 };
    case 'schedule.completed': {
      const status = state.last?.failed && !recurs(state.timing) ? 'FAILED' : 'COMPLETED';
      return { ...state, status, next: undefined };
    }
    case 'schedule.cancelled':
      return { ...state, status: 'CANCELLED' };
  }
}

function ended(
  state: ScheduleState,
  { dueAt, run }: EventData<'schedule.ran' | 'schedule.failed'>,
  failed: boolean,
): ScheduleState {
  const running = state.running?.dueAt === dueAt ? undefined : state.running;
  return { ...state, running, last: { dueAt, run, failed } };
}

/** The folding part of the decider. The parser of cron expressions is not needed to fold. */
export const scheduleEvolution = { aggregateType: SCHEDULE_STREAMS, initialState, evolve };

/** The fold of a schedule's history. */
export const scheduleFold: Fold<ScheduleState> = stateFold(scheduleEvolution);

import type { DomainEvent, EventData } from '../core/events/catalogue.ts';
import { SCHEDULE_STREAMS, scheduleEvents } from '../core/events/schedule.ts';
import { defineProjection } from '../core/projections/projection.ts';
import { firstSeen, seen, type Times } from '../core/projections/times.ts';
import type { ViewStore } from '../core/projections/view-store.ts';
import type { LiveGenerations } from '../core/replays/generations.ts';
import { type ScheduleState, type ScheduleStatus, scheduleEvolution } from '../core/schedules/state.ts';
import type { TimerCall } from '../core/schedules/timers.ts';

/** A schedule: what it does and when, its runs, and the next run. */
export interface ScheduleView extends Times {
  readonly scheduleId: string;
  readonly state: Exclude<ScheduleStatus, 'NONE'>;
  readonly timing: EventData<'schedule.created'>['timing'];
  readonly action: EventData<'schedule.created'>['action'];
  /** The next run; absent when none is to come. */
  readonly nextDue?: string;
  readonly runs: number;
  readonly failures: number;
  readonly lastRun?: LastRun;
  /** Why it was cancelled. */
  readonly reason?: string;
}

/** The last run of a schedule. */
export interface LastRun {
  readonly dueAt: string;
  readonly run: number;
  readonly lateMs: number;
  readonly missed?: true;
  readonly skipped?: number;
  readonly outcome: 'RUNNING' | 'RAN' | 'FAILED';
  /** The effect. */
  readonly streamId?: string;
  readonly version?: number;
  /** Why it failed. */
  readonly reason?: string;
}

/** The list of schedules that wait for a run, by its instant. */
const DUE_LIST = 'due';

const types = scheduleEvents.map(({ type }) => type);

/** The projection of all schedules; every application has it. */
export const scheduleStatus = defineProjection({
  name: 'schedule-status',
  aggregateType: SCHEDULE_STREAMS,
  types,
  group: { of: ({ state }: ScheduleView) => state, values: ['ACTIVE', 'FAILED', 'COMPLETED', 'CANCELLED'] },
  // The sweep of a host whose timers may lose a call looks here: the run that has begun, else the next run.
  entries: ({ nextDue, lastRun }: ScheduleView) => {
    const order = lastRun?.outcome === 'RUNNING' ? lastRun.dueAt : nextDue;
    return order === undefined ? [] : [{ list: DUE_LIST, order }];
  },
  evolve,
});

type ScheduleEvent = DomainEvent<(typeof types)[number]>;

function evolve(view: ScheduleView | undefined, event: ScheduleEvent): ScheduleView {
  const before = view ? stateOf(view) : scheduleEvolution.initialState;
  const { status, timing, action, next, runs, failures } = scheduleEvolution.evolve(before, event);
  const lastRun = runAfter(view?.lastRun, event);
  const reason = event.type === 'schedule.cancelled' ? event.data.reason : view?.reason;
  return {
    scheduleId: event.aggregateId,
    ...{ state: status === 'NONE' ? 'ACTIVE' : status, timing, action, runs, failures },
    ...(next === undefined || status !== 'ACTIVE' ? {} : { nextDue: next }),
    ...(lastRun ? { lastRun } : {}),
    ...(reason === undefined ? {} : { reason }),
    ...(view ? seen(view, event) : firstSeen(event)),
  };
}

/** The state of the decider, as far as it is needed to fold the next event. */
function stateOf({ state, timing, action, nextDue, runs, failures, lastRun }: ScheduleView): ScheduleState {
  const { dueAt = '', run = 0, outcome } = lastRun ?? {};
  return {
    ...{ status: state, timing, action, next: nextDue, runs, failures },
    running: outcome === 'RUNNING' ? { dueAt, run, firedBy: undefined } : undefined,
    last: lastRun && { dueAt, run, failed: outcome === 'FAILED' },
  };
}

function runAfter(run: LastRun | undefined, event: ScheduleEvent): LastRun | undefined {
  switch (event.type) {
    case 'schedule.fired': {
      const { scheduleId: _, next: _next, ...fired } = event.data;
      return { ...fired, outcome: 'RUNNING' };
    }
    case 'schedule.ran': {
      const { scheduleId: _, ...ran } = event.data;
      const { reason: _reason, ...begun } = run ?? { lateMs: 0 };
      return { ...begun, ...ran, outcome: 'RAN' };
    }
    case 'schedule.failed': {
      const { scheduleId: _, ...failed } = event.data;
      return { lateMs: 0, ...run, ...failed, outcome: 'FAILED' };
    }
    default:
      return run;
  }
}

/** The calls of timers that were to come before an instant, and have not led to a run, as far as the views know. */
export async function* overdueCalls(
  { views, generations }: { readonly views: ViewStore; readonly generations: LiveGenerations },
  before: string,
): AsyncGenerator<TimerCall> {
  const generation = await generations.live(scheduleStatus.name);
  let after: string | undefined;
  do {
    const page = await views.listed(scheduleStatus.name, generation, DUE_LIST, { limit: 100, after });
    for (const { order, view } of page.listed) {
      if (order >= before) return;
      yield { scheduleId: view.key, dueAt: order };
    }
    after = page.next;
  } while (after !== undefined);
}

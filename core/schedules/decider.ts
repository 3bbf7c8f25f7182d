import { isDeepStrictEqual } from 'node:util';
import { CommandRejectedError, NotFoundError, ValidationError } from '../base/errors.ts';
import type { NewEvent } from '../events/catalogue.ts';
import { isoOf } from '../events/instant.ts';
import type { ScheduleAction, ScheduleEventType, ScheduleTiming } from '../events/schedule.ts';
import type { DecideContext, Decider } from '../state/decider.ts';
import { nextRun, runsBetween } from './cron.ts';
import { recurs, type ScheduleState, scheduleEvolution } from './state.ts';

/** The commands of a schedule. Each may come twice, late, or never. */
export type ScheduleCommand =
  | { readonly kind: 'create'; readonly timing: ScheduleTiming; readonly action: ScheduleAction }
  /** A timer fired. `upSince`: the system was down before that instant, as far as it knows. */
  | { readonly kind: 'fire'; readonly dueAt: string; readonly upSince?: string | undefined }
  | { readonly kind: 'finish'; readonly dueAt: string; readonly streamId: string; readonly version: number }
  | { readonly kind: 'fail'; readonly dueAt: string; readonly reason: string }
  | { readonly kind: 'cancel'; readonly reason: string };

/** A run that begins later than this was missed, milliseconds: a host that is up begins within a minute or two. */
export const MISSED_AFTER_MS = 5 * 60 * 1_000;

type ScheduleEvents = readonly NewEvent<ScheduleEventType>[];

/**
 * A schedule as a decider over its own history. `schedule.fired` comes before the effect of a run and `schedule.ran` or
 * `schedule.failed` after it, so the first append decides between a run and a cancellation, and an effect always has its
 * event.
 */
export const scheduleDecider: Decider<ScheduleState, ScheduleCommand, ScheduleEventType> = {
  ...scheduleEvolution,
  decide(state, command, context) {
    const { id: scheduleId } = context;
    if (command.kind === 'create') return create(state, command, context);
    if (state.status === 'NONE') throw new NotFoundError(`there is no schedule ${scheduleId}`);
    switch (command.kind) {
      case 'fire':
        return fire(state, command, context);
      case 'finish': {
        const run = state.running ?? (state.last?.failed ? state.last : undefined); // an effect overrules a failure
        if (run?.dueAt !== command.dueAt) return [];
        const { dueAt, streamId, version } = command;
        return [
          { type: 'schedule.ran', data: { scheduleId, dueAt, run: run.run, streamId, version } },
          ...end(state, 0, scheduleId),
        ];
      }
      case 'fail': {
        const { running } = state;
        if (running?.dueAt !== command.dueAt) return [];
        const reason = command.reason.slice(0, 1_024).toWellFormed() || 'no reason given';
        const { dueAt, run } = running;
        return [{ type: 'schedule.failed', data: { scheduleId, dueAt, run, reason } }, ...end(state, 1, scheduleId)];
      }
      case 'cancel':
        if (state.status === 'CANCELLED') return [];
        if (state.status !== 'ACTIVE') throw new CommandRejectedError(`schedule ${scheduleId} has ended`);
        return [{ type: 'schedule.cancelled', data: { scheduleId, reason: command.reason } }];
    }
  },
};

function create(
  state: ScheduleState,
  { timing, action }: Extract<ScheduleCommand, { kind: 'create' }>,
  { now, id: scheduleId }: DecideContext,
): ScheduleEvents {
  if (state.status !== 'NONE') {
    if (isDeepStrictEqual([state.timing, state.action], [timing, action])) return [];
    throw new CommandRejectedError(`there is another schedule ${scheduleId}; cancel it, or choose another id`);
  }
  return [{ type: 'schedule.created', data: { scheduleId, timing, action, next: firstRun(timing, now) } }];
}

/** An instant that has passed is due at once. */
function firstRun(timing: ScheduleTiming, now: string): string {
  if ('at' in timing) return isoOf(Math.max(Date.parse(timing.at), Date.parse(now)));
  if ('afterSeconds' in timing) return isoOf(Date.parse(now) + timing.afterSeconds * 1_000);
  const first = nextRun(timing, now);
  if (first === undefined) throw new ValidationError([{ path: 'cron', message: 'has no instant that is to come' }]);
  return first;
}

function fire(
  { status, timing, next: due, running, runs }: ScheduleState,
  { dueAt, upSince = '' }: Extract<ScheduleCommand, { kind: 'fire' }>,
  { now, id: scheduleId }: DecideContext,
): ScheduleEvents {
  const lateMs = Date.parse(now) - Date.parse(dueAt);
  if (status !== 'ACTIVE' || due !== dueAt || running || lateMs < 0) return [];
  const missed = lateMs > MISSED_AFTER_MS || dueAt < upSince;
  // Of missed runs only this comes. A system that is up and slow skips none.
  const next = recurs(timing) ? nextRun(timing, missed ? now : dueAt) : undefined;
  const skipped = recurs(timing) && missed ? runsBetween(timing, dueAt, now) : 0;
  const data = {
    ...{ scheduleId, dueAt, run: runs + 1, lateMs },
    ...(missed ? { missed: true as const } : {}),
    ...(skipped > 0 ? { skipped } : {}),
    ...(next === undefined ? {} : { next }),
  };
  return [{ type: 'schedule.fired', data }];
}

/** The end of a schedule with its last run. */
function end(
  { status, next, running, runs, failures }: ScheduleState,
  failed: 0 | 1,
  scheduleId: string,
): ScheduleEvents {
  if (status !== 'ACTIVE' || next !== undefined || !running) return [];
  return [{ type: 'schedule.completed', data: { scheduleId, runs, failures: failures + failed } }];
}

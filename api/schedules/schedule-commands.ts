import * as z from 'zod';
import type { Annals } from '../../application/define-annals.ts';
import { streamId } from '../../core/base/stream-id.ts';
import { id } from '../../core/events/envelope.ts';
import { SCHEDULE_STREAMS, type ScheduleTiming, scheduleAction, scheduleTiming } from '../../core/events/schedule.ts';
import { checkAction } from '../../core/schedules/actions.ts';
import { scheduleDecider } from '../../core/schedules/decider.ts';
import type { ScheduleState } from '../../core/schedules/state.ts';
import { type CommandResult, handleCommand } from '../../core/state/decider.ts';
import { StateReader } from '../../core/state/state-reader.ts';
import { appendOptions, type CommandDeps, REPEAT, repeatHeader } from '../http/command.ts';
import { newIdOf } from '../http/new-id.ts';
import { type Route, route } from '../http/route.ts';
import { scheduleAnswer } from './schedule-answers.ts';

const [once, after, recurring] = scheduleTiming.options;

/** The body of a request for a schedule: one of `at`, `afterSeconds`, or `cron` with `zone`. */
export const createScheduleBody = z
  .strictObject({
    scheduleId: id.optional().describe('Made when absent'),
    at: once.shape.at.optional().describe('Once at this instant; at once when it has passed'),
    afterSeconds: after.shape.afterSeconds.optional().describe('Once, so many seconds from now'),
    cron: recurring.shape.cron.optional(),
    zone: recurring.shape.zone.optional(),
    action: scheduleAction,
  })
  .superRefine((body, context) => {
    const given = (['at', 'afterSeconds', 'cron'] as const).filter((name) => body[name] !== undefined);
    if (given.length !== 1) context.addIssue('needs one of at, afterSeconds and cron');
    if ((body.cron === undefined) !== (body.zone === undefined)) {
      context.addIssue({ code: 'custom', path: ['zone'], message: 'belongs to cron: give both, or neither' });
    }
  });

/** The body of a request to cancel a schedule. */
export const cancelScheduleBody = z.strictObject({ reason: z.string().min(1).max(1024) });

const params = z.object({ scheduleId: id });

const answerOf = (scheduleId: string, { state, version }: CommandResult<ScheduleState>) => ({
  ...{ scheduleId, version, state: state.status === 'NONE' ? ('ACTIVE' as const) : state.status },
  ...(state.next === undefined || state.status !== 'ACTIVE' ? {} : { nextDue: state.next }),
});

/** The routes that create and cancel schedules. */
export const scheduleCommands = ({ aggregates, sagas }: Annals): readonly Route<CommandDeps>[] => [
  route({
    name: 'createSchedule',
    method: 'POST',
    path: '/schedules',
    summary: 'Schedule a command, an append, or the start of a saga',
    description:
      'Each run has one effect, under the rules of the command or of the append. A run that was due while the system was down comes once, later, and is marked so. The same request with the same `scheduleId` changes nothing. docs/schedules.md has the precision of each host.',
    body: createScheduleBody,
    answer: scheduleAnswer,
    statuses: { 201: 'Created', 200: REPEAT },
    errors: ['RESERVED_TYPE', 'COMMAND_REJECTED', 'CONCURRENCY_CONFLICT'],
    async handle({ body: { scheduleId: given, action, ...times }, context }, deps: CommandDeps) {
      const { store, states = new StateReader({ store }) } = deps;
      await checkAction({ store, states, aggregates, sagas }, action);
      const scheduleId = given ?? newIdOf('schedule', context);
      const command = { kind: 'create', action, timing: timingOf(times) } as const;
      const before = await store.head(streamId(SCHEDULE_STREAMS, scheduleId));
      const result = await handleCommand(store, scheduleDecider, scheduleId, command, appendOptions(context, deps));
      const repeated = result.repeated || result.version === before;
      return {
        status: repeated ? 200 : 201,
        body: answerOf(scheduleId, result),
        headers: repeatHeader(result.repeated),
      };
    },
  }),
  route({
    name: 'cancelSchedule',
    method: 'POST',
    path: '/schedules/{scheduleId}/cancel',
    summary: 'Cancel a schedule',
    description:
      'No run begins after the answer. A run that had begun is finished. A cancelled schedule stays unchanged.',
    params,
    body: cancelScheduleBody,
    answer: scheduleAnswer,
    statuses: { 200: 'Cancelled' },
    errors: ['NOT_FOUND', 'COMMAND_REJECTED', 'CONCURRENCY_CONFLICT'],
    async handle({ params: { scheduleId }, body: { reason }, context }, deps: CommandDeps) {
      const command = { kind: 'cancel', reason } as const;
      const result = await handleCommand(
        deps.store,
        scheduleDecider,
        scheduleId,
        command,
        appendOptions(context, deps),
      );
      return { status: 200, body: answerOf(scheduleId, result), headers: repeatHeader(result.repeated) };
    },
  }),
];

interface Times {
  readonly at?: string | undefined;
  readonly afterSeconds?: number | undefined;
  readonly cron?: string | undefined;
  readonly zone?: string | undefined;
}

function timingOf({ at, afterSeconds, cron = '', zone = '' }: Times): ScheduleTiming {
  if (at !== undefined) return { at };
  return afterSeconds === undefined ? { cron, zone } : { afterSeconds };
}

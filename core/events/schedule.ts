import * as z from 'zod';
import { defineEvent } from './define.ts';
import { id } from './envelope.ts';
import { aggregateTypeName } from './event-type.ts';
import { instant } from './instant.ts';
import { jsonObject } from './json.ts';

/** The aggregate type of the streams of schedules: `schedule-nightly-report`. */
export const SCHEDULE_STREAMS = 'schedule';

/** Longest time until the first run, seconds: ten years. */
const MAX_AFTER_SECONDS = 10 * 366 * 24 * 60 * 60;

/** When a schedule runs: once at an instant, once after a duration, or again and again. */
export const scheduleTiming = z.union([
  z.strictObject({ at: instant }),
  z.strictObject({ afterSeconds: z.int().min(1).max(MAX_AFTER_SECONDS) }),
  z.strictObject({
    cron: z.string().min(1).max(128).describe('Minute, hour, day of the month, month, day of the week'),
    zone: z.string().min(1).max(64).describe('The time zone of the fields, such as Europe/Berlin'),
  }),
]);

const scheduledCommand = z.strictObject({
  kind: z.literal('command'),
  aggregateType: aggregateTypeName,
  id: id.optional().describe('The aggregate; each run makes a new id when the command creates and the id is absent'),
  command: z.string().min(1).max(64).describe('The name of the command in the declaration of the aggregate'),
  data: jsonObject.default({}).describe('The body of the command'),
});

const scheduledAppend = z.strictObject({
  kind: z.literal('append'),
  streamId: z.string().min(3).max(161),
  expectedVersion: z.union([z.int().nonnegative(), z.enum(['any', 'exists'])]).default('any'),
  events: z.array(jsonObject).min(1).max(100).describe('As in `POST /streams/{streamId}/events`'),
});

const scheduledSaga = z.strictObject({
  kind: z.literal('saga'),
  saga: z.string().min(1).max(64).describe('The name of the saga'),
  id: id.optional().describe('The subject of the saga; each run makes a new id when it is absent'),
  data: jsonObject.describe('The data of the event that starts the saga, without the id of the subject'),
});

/** What a schedule does at each run. */
export const scheduleAction = z.discriminatedUnion('kind', [scheduledCommand, scheduledAppend, scheduledSaga]);

/** When a schedule runs. */
export type ScheduleTiming = z.output<typeof scheduleTiming>;
/** What a schedule does at each run. */
export type ScheduleAction = z.output<typeof scheduleAction>;

const common = { kind: 'domain', access: 'internal', version: 1, aggregateType: SCHEDULE_STREAMS } as const;
const streamIds = ['scheduleId'] as const;
const reason = z.string().min(1).max(1024);
const count = z.int().nonnegative();
const run = z.int().positive().describe('Counts the runs of the schedule from 1');
const dueAt = instant.describe('The instant for which the run was planned');
const next = instant.exactOptional().describe('The next run; absent when there is none');

export const scheduleCreated = defineEvent({
  ...common,
  type: 'schedule.created',
  description: 'A schedule was created. `next` is its first run.',
  data: z.strictObject({ scheduleId: id, timing: scheduleTiming, action: scheduleAction, next: instant }),
  streamIds,
  sensitive: ['action'],
});

export const scheduleFired = defineEvent({
  ...common,
  type: 'schedule.fired',
  description: 'A run is due and begins. Its effect follows, under an id made of the schedule and `dueAt`.',
  data: z.strictObject({
    scheduleId: id,
    dueAt,
    run,
    lateMs: count.describe('From `dueAt` to the begin of the run, milliseconds'),
    missed: z.literal(true).exactOptional().describe('The run was due while the system was down'),
    skipped: count.exactOptional().describe('Further runs that were missed, and do not run; at most 1,000 are counted'),
    next,
  }),
  streamIds,
  sensitive: [],
});

export const scheduleRan = defineEvent({
  ...common,
  type: 'schedule.ran',
  description: 'A run is done. The stream and its version right after it show the effect.',
  data: z.strictObject({ scheduleId: id, dueAt, run, streamId: z.string(), version: count }),
  streamIds,
  sensitive: [],
});

export const scheduleFailed = defineEvent({
  ...common,
  type: 'schedule.failed',
  description: 'A run was refused and had no effect.',
  data: z.strictObject({ scheduleId: id, dueAt, run, reason }),
  streamIds,
  sensitive: ['reason'],
});

export const scheduleCompleted = defineEvent({
  ...common,
  type: 'schedule.completed',
  description: 'The last run of a schedule is over.',
  data: z.strictObject({ scheduleId: id, runs: count, failures: count }),
  streamIds,
  sensitive: [],
});

export const scheduleCancelled = defineEvent({
  ...common,
  type: 'schedule.cancelled',
  description: 'A schedule was cancelled. A run that has begun is finished, no other begins.',
  data: z.strictObject({ scheduleId: id, reason }),
  streamIds,
  sensitive: ['reason'],
});

/** The events of every schedule. */
export const scheduleEvents = [
  scheduleCreated,
  scheduleFired,
  scheduleRan,
  scheduleFailed,
  scheduleCompleted,
  scheduleCancelled,
] as const;

/** The type of an event of a schedule. */
export type ScheduleEventType = (typeof scheduleEvents)[number]['type'];

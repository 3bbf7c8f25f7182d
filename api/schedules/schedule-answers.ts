import * as z from 'zod';
import { id } from '../../core/events/envelope.ts';
import { scheduleAction, scheduleTiming } from '../../core/events/schedule.ts';
import { storedInstant } from '../../core/events/stored-form.ts';
import { nextPage } from '../http/page.ts';

/** The state of a schedule. */
export const scheduleState = z
  .enum(['ACTIVE', 'FAILED', 'COMPLETED', 'CANCELLED'])
  .describe('`FAILED`: its only run was refused. A recurring schedule stays `ACTIVE` after a refused run');

const count = z.int().nonnegative();

const lastRun = z.strictObject({
  dueAt: storedInstant,
  run: z.int().nonnegative().describe('Counts from 1'),
  outcome: z.enum(['RUNNING', 'RAN', 'FAILED']),
  lateMs: count.describe('From `dueAt` to the begin of the run, milliseconds'),
  missed: z.literal(true).exactOptional().describe('The run was due while the system was down'),
  skipped: count.exactOptional().describe('Further runs that were missed, and do not run; at most 1,000 are counted'),
  streamId: z.string().exactOptional().describe('The stream of the effect'),
  version: count.exactOptional().describe('The version of that stream right after the effect'),
  reason: z.string().exactOptional().describe('Why the run failed'),
});

/** A schedule: what it does and when, and its runs. */
export const scheduleView = z
  .strictObject({
    scheduleId: id,
    state: scheduleState,
    version: z.int().positive(),
    timing: scheduleTiming,
    action: scheduleAction,
    nextDue: storedInstant.exactOptional().describe('The next run; absent when none is to come'),
    runs: count.describe('Runs that have begun'),
    failures: count.describe('Runs that were refused'),
    lastRun: lastRun.exactOptional(),
    reason: z.string().exactOptional().describe('Why it was cancelled'),
    createdAt: storedInstant,
    lastUpdated: storedInstant,
  })
  .meta({ id: 'Schedule' });

/** A page of schedules. */
export const schedulesPage = z.strictObject({ schedules: z.array(scheduleView), next: nextPage });

/** The answer to a command of a schedule. */
export const scheduleAnswer = z.strictObject({
  scheduleId: id,
  state: scheduleState,
  nextDue: storedInstant.exactOptional().describe('The next run; absent when none is to come'),
  version: z.int().positive(),
});

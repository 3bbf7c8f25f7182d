import pLimit from 'p-limit';
import * as z from 'zod';
import application from '#application';
import { scheduler, sqs } from '../adapters/aws/clients/clients.ts';
import { SchedulerTimers } from '../adapters/aws/scheduler/timers.ts';
import { overdueCalls } from '../application/schedule-status.ts';
import { deliveredEvent } from '../core/publishing/event-reference.ts';
import { ScheduleExecution } from '../core/schedules/execution.ts';
import { compileLater } from '../core/schemas/compile-later.ts';
import { StateReader } from '../core/state/state-reader.ts';
import { queueHandler } from './runtime/handlers.ts';
import { logger, readEnvironment } from './runtime/stage.ts';
import { eventStore, generationsIn, snapshotsIn, viewsIn } from './runtime/stores.ts';

/** A call of a timer, an event of a schedule from the bus, or the request to look for calls that were lost. */
const timerMessage = z.union([
  z.object({ scheduleId: z.string() }),
  z.object({ detail: z.unknown() }),
  z.object({ sweep: z.literal(true) }),
]);

const environment = readEnvironment('timer');
const { EVENTS_TABLE, VIEWS_TABLE, CONTROL_TABLE, OBJECTS_BUCKET } = environment;
const store = eventStore(EVENTS_TABLE, OBJECTS_BUCKET, compileLater);
const timers = new SchedulerTimers({
  scheduler: scheduler(),
  sqs: sqs(),
  group: environment.SCHEDULE_GROUP,
  queueUrl: environment.TIMER_QUEUE_URL,
  queueArn: environment.TIMER_QUEUE_ARN,
  roleArn: environment.SCHEDULER_ROLE_ARN,
  failuresArn: environment.TIMER_FAILURES_ARN,
});
const states = new StateReader({ store, snapshots: snapshotsIn(OBJECTS_BUCKET) });
const { aggregates, sagas } = application;
const execution = new ScheduleExecution({ store, states, aggregates, sagas, timers, logger });
const lists = { views: viewsIn(VIEWS_TABLE, OBJECTS_BUCKET), generations: generationsIn(CONTROL_TABLE) };

/** A run that is later than this has lost its call, or is under way; another call does no harm. */
const OVERDUE_MS = 60_000;
const CONCURRENCY = 16;

/** Asks again for the calls that are overdue, so that other invocations do their work. */
async function sweep(): Promise<void> {
  const limit = pLimit(CONCURRENCY);
  const before = new Date(Date.now() - OVERDUE_MS).toISOString();
  const calls = await Array.fromAsync(overdueCalls(lists, before));
  await Promise.all(calls.map((call) => limit(() => timers.set(call))));
}

/** Runs schedules that are due, and sets their timers. */
export const handler = queueHandler(timerMessage, async (message) => {
  if ('sweep' in message) return sweep();
  const isCall = 'scheduleId' in message;
  const scheduleId = isCall ? message.scheduleId : (await deliveredEvent(message.detail, store)).aggregateId;
  await execution.wake(scheduleId);
});

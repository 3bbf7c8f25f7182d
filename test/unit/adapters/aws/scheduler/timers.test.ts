import { expect, it } from 'vitest';
import { START, timersContract } from '../../../../contract/timers.suite.ts';
import { SchedulerStandIn } from '../../../../support/scheduler-stand-in.ts';

const scheduleOf = (body: string): string => JSON.parse(body).scheduleId;

/** As the function `timer` does it: a call that comes before its instant is asked for again. */
timersContract('EventBridge Scheduler and SQS', async () => {
  const aws = new SchedulerStandIn(START);
  const pass = async (to: string) => {
    const called: string[] = [];
    for (let bodies = aws.pass(to); bodies.length > 0; bodies = aws.pass(to)) {
      for (const call of bodies.map((body) => JSON.parse(body))) {
        if (Date.parse(call.dueAt) > aws.now) await aws.timers.set(call);
        else called.push(call.scheduleId);
      }
    }
    return called;
  };
  return { timers: aws.timers, pass };
});

it('calls with a message up to a quarter of an hour ahead, and with a schedule two minutes early beyond that', async () => {
  const aws = new SchedulerStandIn(START);
  await aws.timers.set({ scheduleId: 'message', dueAt: '2026-01-05T09:15:00.000Z' });
  expect(aws.schedules.size).toBe(0);
  await aws.timers.set({ scheduleId: 'schedule', dueAt: '2026-01-05T10:00:00.000Z' });
  expect([...aws.schedules.values()].map(({ at }) => new Date(at).toISOString())).toEqual(['2026-01-05T09:58:00.000Z']);
  expect(aws.pass('2026-01-05T09:57:59.000Z').map(scheduleOf)).toEqual(['message']);
  expect(aws.pass('2026-01-05T09:58:00.000Z').map(scheduleOf)).toEqual(['schedule']);
});

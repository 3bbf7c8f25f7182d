import { ulid } from 'ulid';
import { expect, it, vi } from 'vitest';
import { deployedClient } from './client.ts';

const client = deployedClient();
const eventually = <T>(check: () => Promise<T>) => vi.waitFor(check, { timeout: 90_000, interval: 500 });
const data = { agentType: 'coder', configuration: {}, createdBy: 'a schedule' };
const create = { kind: 'command', aggregateType: 'agent', command: 'create', data } as const;

it('a schedule sends its command, not before its instant', async () => {
  const [scheduleId, id] = [ulid(), ulid()];
  const at = new Date(Date.now() + 5_000).toISOString();
  await client.schedules.create({ scheduleId, at, action: { ...create, id } });
  await eventually(async () => expect(await client.schedules.get(scheduleId)).toMatchObject({ state: 'COMPLETED' }));
  const { lastRun } = await client.schedules.get(scheduleId);
  expect(lastRun).toMatchObject({ dueAt: at, outcome: 'RAN', streamId: `agent-${id}`, version: 1 });
  expect(lastRun?.missed).toBeUndefined();
  const { events } = await client.readStream(`agent-${id}`);
  expect(events).toHaveLength(1);
  expect(Date.parse(events[0]?.timestamp ?? '')).toBeGreaterThanOrEqual(Date.parse(at));
});

it('a schedule further ahead waits in EventBridge Scheduler, until it is cancelled', async () => {
  const { scheduleId } = await client.schedules.create({ afterSeconds: 7_200, action: create });
  await eventually(async () => expect(await client.schedules.get(scheduleId)).toMatchObject({ state: 'ACTIVE' }));
  expect(await client.schedules.cancel(scheduleId, { reason: 'a test' })).toMatchObject({ state: 'CANCELLED' });
  await eventually(async () => expect(await client.schedules.get(scheduleId)).toMatchObject({ state: 'CANCELLED' }));
});

it('an instant that has passed is due at once, and a refused run says why', async () => {
  const action = { kind: 'command', aggregateType: 'agent', id: ulid(), command: 'change-state' } as const;
  const refused = { ...action, data: { newState: 'idle', reason: 'a schedule' } };
  const { scheduleId } = await client.schedules.create({ at: '2020-01-01T00:00:00Z', action: refused });
  await eventually(async () => expect(await client.schedules.get(scheduleId)).toMatchObject({ state: 'FAILED' }));
  expect((await client.schedules.get(scheduleId)).lastRun?.reason).toContain(action.id);
});

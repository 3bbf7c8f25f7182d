import { expect, it, vi } from 'vitest';
import { servedApi } from '../../support/served-api.ts';

const { get, post } = servedApi();

const create = { kind: 'command', aggregateType: 'agent', command: 'create' };
const agentData = { agentType: 'coder', configuration: {}, createdBy: 'me' };
const soon = (ms: number) => new Date(Date.now() + ms).toISOString();
const later = '2099-01-01T00:00:00Z';

it('sends a command at an instant, and says what became of it', async () => {
  const body = { scheduleId: 'once', at: soon(50), action: { ...create, id: 'a-1', data: agentData } };
  expect(await post('/schedules', body)).toMatchObject({
    status: 201,
    body: { scheduleId: 'once', state: 'ACTIVE', version: 1, nextDue: body.at },
  });
  await vi.waitFor(async () => expect((await get('/schedules/once')).body.state).toBe('COMPLETED'));
  const { body: schedule } = await get('/schedules/once');
  expect(schedule).toMatchObject({
    ...{ runs: 1, failures: 0 },
    lastRun: { dueAt: body.at, run: 1, outcome: 'RAN', streamId: 'agent-a-1', version: 1 },
  });
  expect(schedule.lastRun).not.toHaveProperty('missed');
  const [event] = (await get('/streams/agent-a-1/events')).body.events;
  const { events } = (await get('/streams/schedule-once/events')).body;
  expect(events.map(({ type }: { type: string }) => type)).toEqual([
    ...['schedule.created', 'schedule.fired', 'schedule.ran', 'schedule.completed'],
  ]);
  expect(event).toMatchObject({ type: 'agent.created', source: 'schedule', causationId: events[1].id });
  expect(event.correlationId).toBe(events[0].correlationId);
});

it('appends events, and starts a saga', async () => {
  const created = { type: 'agent.created', data: { agentId: 'a-7', ...agentData } };
  const append = { kind: 'append', streamId: 'agent-a-7', expectedVersion: 0, events: [created] };
  await post('/schedules', { scheduleId: 'append', at: soon(0), action: append });
  await vi.waitFor(async () => expect((await get('/streams/agent-a-7/events')).body.events).toHaveLength(1));
  await post('/schedules', { scheduleId: 'append-again', at: soon(0), action: append });
  await vi.waitFor(async () => expect((await get('/schedules/append-again')).body.state).toBe('FAILED'));
  const data = { requiredAgents: ['a-9'], payload: {}, deadlineSeconds: 60 };
  const saga = { kind: 'saga', saga: 'multi-agent-task', id: 't-9', data };
  expect((await post('/schedules', { scheduleId: 'saga', at: soon(0), action: saga })).status).toBe(201);
  await vi.waitFor(async () => expect((await get('/sagas/multi-agent-task:t-9')).status).toBe(200));
});

it('says why a run failed', async () => {
  const action = {
    kind: 'command',
    aggregateType: 'agent',
    id: 'nobody',
    command: 'change-state',
    data: { newState: 'stopped', reason: 'x' },
  };
  await post('/schedules', { scheduleId: 'failing', at: soon(0), action });
  await vi.waitFor(async () => expect((await get('/schedules/failing')).body.state).toBe('FAILED'));
  expect((await get('/schedules/failing')).body).toMatchObject({
    ...{ runs: 1, failures: 1 },
    lastRun: { outcome: 'FAILED', reason: expect.stringContaining('nobody') },
  });
});

it('cancels a schedule', async () => {
  await post('/schedules', { scheduleId: 'cancelled', at: later, action: { ...create, data: agentData } });
  const answer = { status: 200, body: { scheduleId: 'cancelled', state: 'CANCELLED', version: 2 } };
  expect(await post('/schedules/cancelled/cancel', { reason: 'enough' })).toMatchObject(answer);
  expect(await post('/schedules/cancelled/cancel', { reason: 'again' })).toMatchObject(answer);
  expect((await post('/schedules/nothing/cancel', { reason: 'enough' })).status).toBe(404);
  expect((await get('/schedules/cancelled?waitFor=2')).body).toMatchObject({ state: 'CANCELLED', reason: 'enough' });
});

it('creates a schedule once', async () => {
  const body = { scheduleId: 'twice', afterSeconds: 86_400, action: { ...create, data: agentData } };
  expect((await post('/schedules', body)).status).toBe(201);
  expect(await post('/schedules', body)).toMatchObject({ status: 200, body: { version: 1 } });
  expect((await post('/schedules', { ...body, afterSeconds: 3_600 })).status).toBe(409);
  const { scheduleId: _, ...unnamed } = body;
  const key = { 'idempotency-key': 'nightly' };
  const first = await post('/schedules', unnamed, key);
  expect(await post('/schedules', unnamed, key)).toMatchObject({ status: 200, body: first.body });
});

it('lists schedules', async () => {
  const body = {
    scheduleId: 'weekly',
    cron: '0 9 * * MON',
    zone: 'Europe/Berlin',
    action: { ...create, data: agentData },
  };
  const { body: made } = await post('/schedules', body);
  await get('/schedules/weekly?waitFor=1');
  const ids = async (query: string) =>
    (await get(`/schedules?${query}`)).body.schedules.map(({ scheduleId }: { scheduleId: string }) => scheduleId);
  expect(await ids('state=ACTIVE&kind=command')).toContain('weekly');
  expect(await ids('kind=saga')).not.toContain('weekly');
  expect(await ids(`state=ACTIVE&dueBefore=${made.nextDue}`)).not.toContain('weekly');
  expect(await ids(`state=ACTIVE&dueBefore=${later}`)).toContain('weekly');
});

it.each([
  [{ action: { ...create, data: agentData } }, 'needs one of at, afterSeconds and cron'],
  [{ at: later, afterSeconds: 5, action: { ...create, data: agentData } }, 'needs one of'],
  [{ cron: '0 9 * * *', action: { ...create, data: agentData } }, 'zone: belongs to cron'],
  [{ cron: '0 9 * *', zone: 'UTC', action: { ...create, data: agentData } }, 'cron: is no cron expression'],
  [{ cron: '0 0 30 2 *', zone: 'UTC', action: { ...create, data: agentData } }, 'cron: has no instant that is to come'],
  [{ cron: '0 9 * * *', zone: 'Mars/Olympus', action: { ...create, data: agentData } }, 'zone: is no time zone'],
  [{ at: later, action: { ...create, data: { agentType: 7 } } }, 'action.data.agentType'],
  [{ at: later, action: { ...create, aggregateType: 'nothing', data: agentData } }, 'action.aggregateType'],
  [{ at: later, action: { ...create, command: 'destroy', data: agentData } }, 'action.command: is none of'],
  [{ at: later, action: { ...create, command: 'change-state' } }, 'action.id: is needed'],
  [{ at: later, action: { ...create, aggregateType: 'task', command: 'assign', id: 't' } }, 'action.command'],
  [{ at: later, action: { kind: 'saga', saga: 'none', data: {} } }, 'action.saga'],
])('refuses %j', async (body, detail) => {
  expect(await post('/schedules', body)).toMatchObject({
    status: 422,
    body: { detail: expect.stringContaining(detail) },
  });
});

it('refuses events that only Annals writes', async () => {
  const events = [{ type: 'saga.completed', data: { sagaId: 's:1' } }];
  const body = { at: later, action: { kind: 'append', streamId: 'saga-s:1', events } };
  expect(await post('/schedules', body)).toMatchObject({ status: 403, body: { code: 'RESERVED_TYPE' } });
});

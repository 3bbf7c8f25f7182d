import { expect, it, onTestFinished, vi } from 'vitest';
import { servedApi } from '../../support/served-api.ts';

const { get, post } = servedApi();

let made = 0;
const newType = () => `coder-${++made}`;
const request = async (body: object) => {
  const { body: answer } = await post('/tasks', { payload: { goal: 'x' }, deadlineSeconds: 600, ...body });
  return answer.taskId as string;
};
const part = { result: { ok: true }, duration: 1, resources: {} };
const complete = (taskId: string, agentId: string, fencing?: number) =>
  post(`/tasks/${taskId}/completions`, { agentId, fencing, ...part });
const claims = async (body: object) => (await post('/inbox/claims', { wait: 20, ...body })).body.claims;

it('an agent of a type finds, claims, keeps and completes a task, with its payload and deadline', async () => {
  const agentType = newType();
  const taskId = await request({ agentType });
  const { body: inbox } = await get(`/inbox?agentType=${agentType}&wait=20`);
  expect(inbox.tasks).toMatchObject([{ taskId, payload: { goal: 'x' }, deadline: expect.any(String), priority: 5 }]);
  const claim = await post(`/tasks/${taskId}/claim`, { agentId: 'a', agentType, leaseSeconds: 30 });
  expect(claim).toMatchObject({
    status: 200,
    body: { taskId, slot: 'slot-1', agentId: 'a', fencing: 1, task: { payload: { goal: 'x' } } },
  });
  const other = await post(`/tasks/${taskId}/claim`, { agentId: 'b', agentType });
  expect(other).toMatchObject({ status: 409, body: { code: 'COMMAND_REJECTED' } });
  const beat = await post(`/tasks/${taskId}/heartbeat`, { agentId: 'a', fencing: 1, leaseSeconds: 300 });
  expect(beat.status).toBe(200);
  expect(beat.body.until > claim.body.until).toBe(true);
  expect(await complete(taskId, 'a')).toMatchObject({ status: 409, body: { code: 'LEASE_LOST' } });
  expect(await complete(taskId, 'a', 1)).toMatchObject({ status: 201 });
  await vi.waitFor(async () => expect((await get(`/tasks/${taskId}`)).body.state).toBe('completed'));
  expect((await get(`/inbox?agentType=${agentType}`)).body.tasks).toEqual([]);
  expect(await post(`/tasks/${taskId}/heartbeat`, { agentId: 'a', fencing: 1 })).toMatchObject({
    status: 409,
    body: { code: 'LEASE_LOST' },
  });
});

it('a part that is given back waits for the next agent, under the next number', async () => {
  const agentType = newType();
  const taskId = await request({ agentType });
  const [first] = await claims({ agentId: 'a', agentType });
  expect(await post(`/tasks/${taskId}/release`, { agentId: 'a', fencing: first.fencing })).toMatchObject({
    status: 200,
  });
  expect(await post(`/tasks/${taskId}/release`, { agentId: 'a', fencing: first.fencing })).toMatchObject({
    status: 200,
  });
  const [second] = await claims({ agentId: 'b', agentType });
  expect(second).toMatchObject({ taskId, fencing: 2, task: { payload: { goal: 'x' } } });
  expect(await complete(taskId, 'a', 1)).toMatchObject({ status: 409, body: { code: 'LEASE_LOST' } });
  expect(await post(`/tasks/${taskId}/release`, { agentId: 'c', fencing: 2 })).toMatchObject({ status: 409 });
  expect(await complete(taskId, 'b', 2)).toMatchObject({ status: 201 });
});

it('urgent work comes first, and a request that waits gets work as soon as it is there', async () => {
  const agentType = newType();
  const early = claims({ agentId: 'a', agentType });
  const usual = await request({ agentType });
  expect((await early)[0].taskId).toBe(usual);
  const low = await request({ agentType, priority: 1 });
  const high = await request({ agentType, priority: 9 });
  await vi.waitFor(async () => expect((await get(`/inbox?agentType=${agentType}`)).body.tasks).toHaveLength(2));
  const { body } = await get(`/inbox?agentType=${agentType}&limit=1`);
  expect(body).toMatchObject({ tasks: [{ taskId: high }], next: expect.any(String) });
  const second = await get(`/inbox?agentType=${agentType}&limit=1&cursor=${body.next}`);
  expect(second.body).toMatchObject({ tasks: [{ taskId: low }], next: null });
  const both = await claims({ agentId: 'b', agentType, max: 5 });
  expect(both.map(({ taskId }: { taskId: string }) => taskId)).toEqual([high, low]);
});

it('an agent holds as many parts as its limit, and gets the same claims for a repeat', async () => {
  const agentType = newType();
  const tasks = [await request({ agentType }), await request({ agentType })];
  const key = { 'idempotency-key': `claims-${agentType}` };
  const body = { agentId: agentType, agentType, limit: 1, wait: 20 };
  const first = await post('/inbox/claims', body, key);
  const repeat = await post('/inbox/claims', body, key);
  expect(repeat.body.claims).toMatchObject([{ taskId: first.body.claims[0].taskId, fencing: 1 }]);
  const another = await post('/inbox/claims', { ...body, max: 2 }, key);
  expect(another).toMatchObject({ status: 422, body: { code: 'IDEMPOTENCY_KEY_REUSED' } });
  expect(await post('/inbox/claims', body)).toMatchObject({ status: 409, body: { code: 'COMMAND_REJECTED' } });
  const left = tasks.find((task) => task !== first.body.claims[0].taskId);
  expect(await complete(first.body.claims[0].taskId, agentType, 1)).toMatchObject({ status: 201 });
  expect((await post('/inbox/claims', body)).body.claims).toMatchObject([{ taskId: left }]);
});

it('a task for several agents of a type gives each a part; one for named agents waits in their inboxes', async () => {
  const agentType = newType();
  const taskId = await request({ agentType, count: 2 });
  const [one] = await claims({ agentId: 'a', agentType });
  const [two] = await claims({ agentId: 'b', agentType });
  expect([one, two].map(({ slot }) => slot)).toEqual(['slot-1', 'slot-2']);
  await complete(taskId, 'a', 1);
  await complete(taskId, 'b', 1);
  await vi.waitFor(async () => expect((await get(`/tasks/${taskId}`)).body.state).toBe('completed'));
  const { body: saga } = await get(`/sagas/multi-agent-task:${taskId}`);
  expect(saga.history.at(-2)).toMatchObject({
    type: 'multi-agent-task.completed',
    data: { completedAgents: ['a', 'b'] },
  });

  const named = await request({ requiredAgents: [`${agentType}-x`] });
  const { body: inbox } = await get(`/agents/${agentType}-x/inbox?wait=20`);
  expect(inbox.tasks).toMatchObject([{ taskId: named }]);
  expect(await claims({ agentId: `${agentType}-x` })).toMatchObject([{ taskId: named, slot: `${agentType}-x` }]);
});

it('a large payload comes with the claim, and a lease that ends gives the part to the next, unasked', async () => {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'], shouldAdvanceTime: true });
  onTestFinished(() => void vi.useRealTimers());
  const agentType = newType();
  const payload = { text: 'x'.repeat(100_000) };
  const taskId = await request({ agentType, payload });
  const [first] = await claims({ agentId: 'a', agentType, leaseSeconds: 5 });
  expect(first.task.payload).toEqual(payload);
  expect((await get(`/tasks/${taskId}`)).body.slots).toMatchObject([{ state: 'claimed', agentId: 'a', fencing: 1 }]);
  const next = claims({ agentId: 'b', agentType });
  await vi.advanceTimersByTimeAsync(5_100);
  expect(await next).toMatchObject([{ taskId, fencing: 2 }]);
  expect((await get(`/streams/task-${taskId}/events`)).body.events.map(({ type }: { type: string }) => type)).toEqual([
    ...['task.requested', 'task.offered', 'task.claimed', 'task.claim-lost', 'task.claimed'],
  ]);
});

it('a task names its agents in one way, and nothing else changed for those that name them', async () => {
  for (const wrong of [{}, { requiredAgents: ['a'], agentType: 'x' }, { requiredAgents: ['a'], count: 1 }]) {
    const reply = await post('/tasks', { payload: {}, deadlineSeconds: 60, ...wrong });
    expect(reply).toMatchObject({ status: 422, body: { code: 'VALIDATION_FAILED' } });
  }
  const taskId = await request({ requiredAgents: ['a'] });
  expect(await complete(taskId, 'a')).toMatchObject({ status: 201 });
  await vi.waitFor(async () => expect((await get(`/tasks/${taskId}`)).body.state).toBe('completed'));
});

it('claims of one agent at the same moment do not pass its limit', async () => {
  const agentId = newType();
  const tasks = await Promise.all([1, 2, 3].map(() => request({ requiredAgents: [agentId] })));
  await vi.waitFor(async () => expect((await get(`/agents/${agentId}/inbox`)).body.tasks).toHaveLength(3));
  const replies = await Promise.all(tasks.map((task) => post(`/tasks/${task}/claim`, { agentId, limit: 1 })));
  expect(replies.map(({ status }) => status).toSorted()).toEqual([200, 409, 409]);
});

import { ulid } from 'ulid';
import { expect, it, vi } from 'vitest';
import { ask, deployedClient } from './client.ts';

const client = deployedClient();
const eventually = <T>(check: () => Promise<T>) => vi.waitFor(check, { timeout: 90_000, interval: 500 });
const post = async (path: string, body: object) => {
  const answer = await ask('POST', path, JSON.stringify(body));
  // biome-ignore lint/suspicious/noExplicitAny: tests read any JSON
  return { status: answer.status, body: (await answer.json()) as any };
};
const request = (agentType: string, count = 1) =>
  client.tasks.request({ agentType, count, payload: { goal: 'x' }, deadlineSeconds: 300, priority: 7 });
const done = { result: 1, duration: 1, resources: {} };

it('workers get the parts of a task from the inbox of their type, keep them and complete them', async () => {
  const agentType = ulid();
  const { taskId, sagaId } = await request(agentType, 3);
  const stop = new AbortController();
  const taken: string[] = [];
  const worker = async (agentId: string) => {
    for await (const job of client.work({ agentType, agentId, signal: stop.signal })) {
      expect(job).toMatchObject({ taskId, payload: { goal: 'x' }, priority: 7, deadline: expect.any(String) });
      const beat = { agentId, fencing: job.fencing, leaseSeconds: 120 };
      const kept = await post(`/tasks/${taskId}/heartbeat`, beat);
      expect(kept).toMatchObject({ status: 200, body: { slot: job.slot, fencing: job.fencing } });
      expect(Date.parse(kept.body.until)).toBeGreaterThan(Date.now() + 90_000);
      await job.complete({ by: agentId });
      taken.push(job.slot);
      if (taken.length === 3) stop.abort();
    }
  };
  await Promise.all(['a', 'b', 'c'].map(worker));
  expect(taken.toSorted()).toEqual(['slot-1', 'slot-2', 'slot-3']);
  await eventually(async () => expect(await client.sagas.get(sagaId)).toMatchObject({ state: 'COMPLETED' }));
  const inbox = await ask('GET', `/inbox?agentType=${agentType}`);
  expect(await inbox.json()).toMatchObject({ tasks: [] });
});

it('a part without heartbeats goes to the next agent, and the old number is refused', async () => {
  const agentType = ulid();
  const { taskId } = await request(agentType);
  const claim = (agentId: string) =>
    eventually(async () => {
      const { body } = await post('/inbox/claims', { agentId, agentType, wait: 10, leaseSeconds: 5 });
      expect(body.claims).toHaveLength(1);
      return body.claims[0];
    });
  expect(await claim('dead')).toMatchObject({ taskId, agentId: 'dead', fencing: 1 });
  const { fencing } = await claim('next');
  expect(fencing).toBe(2);
  const late = await post(`/tasks/${taskId}/completions`, { agentId: 'dead', fencing: 1, ...done });
  expect(late).toMatchObject({ status: 409, body: { code: 'LEASE_LOST' } });
  expect(await post(`/tasks/${taskId}/heartbeat`, { agentId: 'dead', fencing: 1 })).toMatchObject({
    status: 409,
    body: { code: 'LEASE_LOST' },
  });
  await eventually(async () => {
    const { events } = await client.readStream(`task-${taskId}`);
    expect(events.map(({ type }) => type).filter((type) => type.startsWith('task.claim'))).toEqual([
      'task.claimed',
      'task.claim-lost',
      'task.claimed',
    ]);
  });
});

it('nobody needs to ask: the clock of the stage ends a lease that is over', async () => {
  const agentType = ulid();
  const { taskId } = await request(agentType);
  await eventually(async () => {
    const claim = { agentId: 'dead', agentType, leaseSeconds: 5 };
    expect(await post(`/tasks/${taskId}/claim`, claim)).toMatchObject({ status: 200 });
  });
  await eventually(async () => {
    const { events } = await client.readStream(`task-${taskId}`);
    expect(events.at(-1)).toMatchObject({ type: 'task.claim-lost' });
  });
});

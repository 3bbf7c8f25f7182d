import { expect, it, vi } from 'vitest';
import { createClient } from '../../../client/client.ts';
import { servedApi } from '../../support/served-api.ts';

const { url } = servedApi();
const connect = (fetchWith?: (request: Request) => Promise<Response>) =>
  createClient({ url: url(), ...(fetchWith ? { fetch: fetchWith } : {}) });
const order = { payload: { goal: 'x' }, deadlineSeconds: 600 };

it('a loop gets the jobs of its type, and ends when its signal aborts and its jobs are done', async () => {
  const client = connect();
  const tasks = [1, 2, 3].map(async (n) => client.tasks.request({ agentType: 'looper', ...order, payload: { n } }));
  const ids = (await Promise.all(tasks)).map(({ taskId }) => taskId);
  const stop = new AbortController();
  const done: string[] = [];
  for await (const job of client.work({ agentType: 'looper', agentId: 'l-1', signal: stop.signal })) {
    done.push(job.taskId);
    expect(job).toMatchObject({ agentId: 'l-1', slot: 'slot-1', fencing: 1, deadline: expect.any(String) });
    if (done.length === 3) stop.abort();
    await job.complete({ n: job.payload['n'] ?? null });
  }
  expect(done.toSorted()).toEqual(ids.toSorted());
  await vi.waitFor(async () => expect((await client.tasks.get(done[2] ?? '')).state).toBe('completed'));
});

it('an answer that is lost loses no job, and a loop that breaks gives its job back', async () => {
  let lost = 0;
  const client = connect(async (request) => {
    const response = await fetch(request);
    if (!request.url.endsWith('/inbox/claims') || lost++ > 0) return response;
    await response.text();
    throw new TypeError('the answer is lost');
  });
  const { taskId } = await client.tasks.request({ agentType: 'breaker', ...order });
  await vi.waitFor(async () => expect((await client.tasks.get(taskId)).slots).toMatchObject([{ state: 'waiting' }]));
  for await (const job of client.work({ agentType: 'breaker', agentId: 'b-1' })) {
    expect([job.taskId, job.fencing]).toEqual([taskId, 1]);
    break;
  }
  expect(lost).toBeGreaterThan(1);
  for await (const job of client.work({ agentType: 'breaker', agentId: 'b-2' })) {
    expect([job.taskId, job.fencing]).toEqual([taskId, 2]);
    await job.fail('cannot be done');
    break;
  }
  await vi.waitFor(async () => expect((await client.tasks.get(taskId)).state).toBe('failed'));
});

it('the signal of a job aborts when its part is withdrawn', async () => {
  const client = connect();
  const { taskId, sagaId } = await client.tasks.request({ agentType: 'loser', ...order });
  for await (const job of client.work({ agentType: 'loser', leaseSeconds: 5 })) {
    await client.sagas.cancel(sagaId, { reason: 'no longer wanted' });
    await new Promise((resolve) => job.signal.addEventListener('abort', resolve));
    expect(job.taskId).toBe(taskId);
    expect(job.signal.reason).toMatchObject({ code: 'LEASE_LOST' });
    break;
  }
});

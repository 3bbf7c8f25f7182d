import { ulid } from 'ulid';
import { expect, it, vi } from 'vitest';
import { servedApi } from '../../support/served-api.ts';

const { get, post, logger } = servedApi();

const nested = (depth: number): unknown => (depth === 0 ? 1 : { a: nested(depth - 1) });

it.each([1, 22, 23, 24, 25, 26, 27, 28, 29, 30])('a task with a result of %d levels completes', async (depth) => {
  const taskId = ulid();
  await post('/tasks', { taskId, requiredAgents: ['a'], payload: {}, deadlineSeconds: 600 });
  const answer = { agentId: 'a', result: nested(depth), duration: 1, resources: {} };
  expect((await post(`/tasks/${taskId}/completions`, answer)).status).toBe(201);
  const saga = async () => (await get(`/sagas/multi-agent-task:${taskId}`)).body;
  await vi.waitFor(async () => expect((await saga()).state).toBe('COMPLETED'), 10_000);
  const { body } = await get(`/streams/task-${taskId}/events`);
  const { data } = body.events.find(({ type }: { type: string }) => type === 'task.completed');
  expect(data.result).toEqual(nested(depth));
  expect(logger.error).not.toHaveBeenCalled();
});

it.each([31, 32, 100])('a result of %d levels is refused', async (depth) => {
  const taskId = ulid();
  await post('/tasks', { taskId, requiredAgents: ['a'], payload: {}, deadlineSeconds: 600 });
  const answer = { agentId: 'a', result: nested(depth), duration: 1, resources: {} };
  expect((await post(`/tasks/${taskId}/completions`, answer)).status).toBeGreaterThanOrEqual(400);
  expect((await post(`/tasks/${taskId}/completions`, { ...answer, result: 1 })).status).toBe(201);
});

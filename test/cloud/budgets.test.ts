import { ulid } from 'ulid';
import { expect, it, vi } from 'vitest';
import { ask, deployedClient } from './client.ts';

const client = deployedClient();
const eventually = <T>(check: () => Promise<T>) => vi.waitFor(check, { timeout: 90_000, interval: 500 });
const create = (agentId: string, agentType: string) =>
  client.agents.create({ agentId, agentType, configuration: {}, createdBy: 'me' });

it('a task whose budget is spent fails, and its saga is undone', async () => {
  const [agentId, taskId] = [ulid(), ulid()];
  await create(agentId, 'coder');
  const budget = { steps: 4, warnAt: 0.5 };
  const order = { taskId, requiredAgents: [agentId], payload: {}, deadlineSeconds: 300, budget };
  const { sagaId } = await client.tasks.request(order);
  const record = () => client.agents.recordStep(agentId, { action: 'think', taskId });
  for (let step = 0; step < 2; step++) await record();
  const budgetId = `task:${taskId}`;
  await eventually(async () => expect(await client.budgets.get(budgetId)).toMatchObject({ state: 'warned' }));
  for (let step = 0; step < 2; step++) await record();
  await eventually(async () => {
    expect(await client.sagas.get(sagaId)).toMatchObject({ state: 'FAILED' });
    expect(await client.tasks.get(taskId)).toMatchObject({ state: 'failed' });
  });
  expect(await client.budgets.get(budgetId)).toMatchObject({ state: 'spent', spent: { steps: 4 } });
  const { events } = await client.readStream(`task-${taskId}`);
  expect(events.map(({ type }) => type)).toContain('task.released');
});

it('a spent budget of a type refuses claims until somebody raises it', async () => {
  const [agentId, agentType] = [ulid(), ulid()];
  const budgetId = `agent-type:${agentType}`;
  await create(agentId, agentType);
  await client.agents.recordStep(agentId, { action: 'think' });
  await client.budgets.set(budgetId, { limits: { steps: 1 } });
  await eventually(async () => expect(await client.budgets.get(budgetId)).toMatchObject({ state: 'spent' }));
  const { taskId } = await client.tasks.request({ agentType, payload: {}, deadlineSeconds: 300 });
  const claim = () => ask('POST', `/tasks/${taskId}/claim`, JSON.stringify({ agentId, agentType }));
  await eventually(async () => {
    expect(await (await claim()).json()).toMatchObject({ status: 409, code: 'BUDGET_SPENT' });
  });
  await client.budgets.raise(budgetId, { limits: { steps: 10 }, by: 'ops', reason: 'it is worth it' });
  await eventually(async () => expect((await claim()).status).toBe(200));
});

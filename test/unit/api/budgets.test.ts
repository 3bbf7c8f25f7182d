import { describe, expect, it } from 'vitest';
import { servedApi } from '../../support/served-api.ts';

const { call, get, post } = servedApi();

const put = (budgetId: string, body: object) => call('PUT', `/budgets/${budgetId}`, { body });
const raise = (budgetId: string, limits: object) =>
  post(`/budgets/${budgetId}/raises`, { limits, by: 'ops', reason: 'more work' });

const agent = (agentId: string, agentType = agentId) =>
  post('/agents', { agentId, agentType, configuration: {}, createdBy: 'me' });
const step = (agentId: string, more: object = {}) => post(`/agents/${agentId}/steps`, { action: 'think', ...more });
const budgetOf = async (budgetId: string) => (await get(`/budgets/${budgetId}`)).body;
const typesOf = async (stream: string): Promise<string[]> =>
  ((await get(`/streams/${stream}/events`)).body.events ?? []).map(({ type }: { type: string }) => type);

describe('the budget of a task', () => {
  it('warns, is spent once, and stops the saga of the task', async () => {
    await agent('a-1');
    const budget = { usd: 1, steps: 100, warnAt: 0.5 };
    await post('/tasks', { taskId: 't-1', requiredAgents: ['a-1'], payload: {}, deadlineSeconds: 600, budget });
    await step('a-1', { taskId: 't-1', usage: { costUsd: 0.5, inputTokens: 10 } });
    await expect
      .poll(() => budgetOf('task:t-1'))
      .toMatchObject({ state: 'warned', spent: { usd: 0.5, steps: 1 }, share: 0.5, limits: { usd: 1, steps: 100 } });
    expect((await get('/tasks/t-1?waitFor=2')).body).toMatchObject({ state: 'requested', budget });
    await step('a-1', { taskId: 't-1', usage: { costUsd: 0.6 } });
    await expect.poll(async () => (await get('/tasks/t-1')).body.state).toBe('failed');
    expect((await get('/tasks/t-1')).body.error).toBe('BUDGET_SPENT: budget task:t-1 is spent, by 1.1 usd');
    expect((await get('/sagas/multi-agent-task:t-1')).body.reason).toMatch(/^BUDGET_SPENT/);
    // A record is never refused.
    expect(await step('a-1', { taskId: 't-1', usage: { costUsd: 0.1 } })).toMatchObject({ status: 201 });
    await expect.poll(async () => (await budgetOf('task:t-1')).spent).toEqual({ usd: 1.2, steps: 3 });
    expect(await typesOf('budget-task:t-1')).toEqual(['budget.set', 'budget.warned', 'budget.spent']);
  });

  it('counts only the steps that name the task', async () => {
    await agent('a-2');
    const task = { requiredAgents: ['a-2'], payload: {}, deadlineSeconds: 600, budget: { tokens: 1_000, minutes: 5 } };
    await post('/tasks', { taskId: 't-2', ...task });
    await step('a-2', { usage: { inputTokens: 5_000 } });
    await step('a-2', { taskId: 'other', usage: { inputTokens: 5_000 } });
    await step('a-2', { taskId: 't-2', durationMs: 90_000, usage: { inputTokens: 1, cacheReadTokens: 2 } });
    await expect
      .poll(() => budgetOf('task:t-2'))
      .toMatchObject({ state: 'open', spent: { tokens: 3, minutes: 1.5 }, share: 0.3 });
  });

  it('refuses a budget without a limit', async () => {
    const task = { taskId: 't-3', requiredAgents: ['a-2'], payload: {}, deadlineSeconds: 600 };
    expect(await post('/tasks', { ...task, budget: { warnAt: 0.5 } })).toMatchObject({ status: 422 });
    expect(await put('task:t-3', { limits: { usd: 1 } })).toMatchObject({ status: 422 });
  });
});

describe('standing budgets', () => {
  it('count a type of agents, also what it used before', async () => {
    await agent('w-1', 'writer');
    await step('w-1', { usage: { costUsd: 2 } });
    expect(await put('agent-type:writer', { limits: { usd: 3 } })).toMatchObject({
      status: 200,
      body: { warnAt: 0.8 },
    });
    await agent('w-2', 'writer');
    await step('w-2', { usage: { costUsd: 1 } });
    await expect.poll(async () => (await budgetOf('agent-type:writer')).state).toBe('spent');
    expect(await raise('agent-type:writer', { usd: 10 })).toMatchObject({ body: { limits: { usd: 10 } } });
    expect(await budgetOf('agent-type:writer')).toMatchObject({
      state: 'open',
      share: 0.3,
      raised: { by: 'ops', reason: 'more work' },
    });
  });

  it('are spent at once when as much is used already, also after a raise that is too small', async () => {
    await agent('x-1', 'expensive');
    await step('x-1', { usage: { costUsd: 9 } });
    await expect.poll(async () => (await get('/projections/fleet-overview/all')).body.costUsdByType.expensive).toBe(9);
    await put('agent-type:expensive', { limits: { usd: 5 } });
    await expect.poll(async () => (await budgetOf('agent-type:expensive')).state).toBe('spent');
    await raise('agent-type:expensive', { usd: 8 });
    await expect
      .poll(() => typesOf('budget-agent-type:expensive'))
      .toEqual(['budget.set', 'budget.spent', 'budget.raised', 'budget.spent']);
  });

  it('count the tenant and the day', async () => {
    await put('tenant:main', { limits: { steps: 1_000_000 } });
    await put('day:main', { limits: { steps: 1_000_000 } });
    await agent('d-1', 'daily');
    const before = (await budgetOf('day:main')).spent.steps;
    await step('d-1');
    await step('d-1', {});
    await expect.poll(async () => (await budgetOf('day:main')).spent.steps).toBe(before + 2);
    expect((await budgetOf('tenant:main')).spent.steps).toBeGreaterThanOrEqual(before + 2);
    const { budgets } = (await get('/budgets?scope=day')).body;
    expect(budgets).toMatchObject([{ budgetId: 'day:main', limits: { steps: 1_000_000 } }]);
  });

  it('are raised with a name and a reason only', async () => {
    await put('agent-type:frugal', { limits: { usd: 1 } });
    expect(await put('agent-type:frugal', { limits: { usd: 2 } })).toMatchObject({ status: 409 });
    expect(await put('agent-type:frugal', { limits: { tokens: 2 } })).toMatchObject({ status: 409 });
    expect(await put('agent-type:frugal', { limits: { usd: 0.5, tokens: 9 } })).toMatchObject({ status: 200 });
    expect(await raise('agent-type:frugal', { usd: 0.5 })).toMatchObject({ status: 409 });
    expect(await raise('agent-type:frugal', { steps: 5 })).toMatchObject({ status: 409 });
    expect(await raise('agent-type:none', { usd: 1 })).toMatchObject({ status: 404 });
    expect(await get('/budgets/agent-type:none')).toMatchObject({ status: 404 });
  });

  it.each(['writer', 'agent-type:', 'tenant:other', 'day:2026-01-05', 'team:a'])('refuse the id %s', async (id) => {
    expect(await put(id, { limits: { usd: 1 } })).toMatchObject({ status: 422, body: { code: 'VALIDATION_FAILED' } });
  });
});

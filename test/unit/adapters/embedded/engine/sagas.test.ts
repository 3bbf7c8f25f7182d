import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Server, startServer } from '../../../../../bin/serve/server.ts';
import { type AnnalsClient, AnnalsRequestError, createClient } from '../../../../../client/client.ts';
import { temporaryFolder } from '../../../../support/temporary-folder.ts';

const parent = temporaryFolder();
let folders = 0;
let server: Server | undefined;

/** A server of its own and a client of it: everything here goes the way that agents and operators go. */
async function serve(dataDir = join(parent, `${++folders}`)) {
  const logger = { warn: vi.fn(), error: vi.fn() };
  server = await startServer({ port: 0, dataDir, logger });
  return { client: createClient({ url: server.url }), dataDir, logger };
}

afterEach(async () => {
  await server?.close();
  server = undefined;
});

const soon = <T>(check: () => Promise<T>) => vi.waitFor(check, { timeout: 10_000, interval: 10 });
const part = (agentId: string) => ({ agentId, result: { by: agentId }, duration: 5, resources: {} });
const order = (...requiredAgents: string[]) => ({ requiredAgents, payload: { goal: 'x' }, deadlineSeconds: 60 });
const inState = (client: AnnalsClient, sagaId: string, state: string) =>
  soon(async () => {
    const saga = await client.sagas.get(sagaId);
    expect(saga.state).toBe(state);
    return saga;
  });
const typesOf = async (client: AnnalsClient, stream: string) =>
  (await client.readStream(stream)).events.map(({ type }) => type);

describe('a task of several agents', () => {
  it('is assigned, accepts answers in any order and repeated answers, and completes with agents and results', async () => {
    const { client } = await serve();
    const { taskId, sagaId } = await client.tasks.request(order('a', 'b'));
    await soon(async () => expect((await client.tasks.get(taskId)).assignedAgents).toEqual(['a', 'b']));
    await client.tasks.complete(taskId, part('b'), { idempotencyKey: 'b-1' });
    await client.tasks.complete(taskId, part('b'), { idempotencyKey: 'b-1' });
    await inState(client, sagaId, 'STARTED');
    await client.tasks.complete(taskId, part('a'));
    const { history, steps } = await inState(client, sagaId, 'COMPLETED');
    expect(steps.map(({ item, state }) => `${item} ${state}`)).toEqual(['a completed', 'b completed']);
    expect(history.find(({ type }) => type === 'multi-agent-task.completed')?.data).toMatchObject({
      completedAgents: ['a', 'b'],
      results: [
        { agentId: 'a', result: { by: 'a' } },
        { agentId: 'b', result: { by: 'b' } },
      ],
    });
  });

  it('fails and releases its assignments when an agent fails; a late answer is only recorded', async () => {
    const { client } = await serve();
    const { taskId, sagaId } = await client.tasks.request(order('a', 'b', 'c'));
    await client.tasks.complete(taskId, part('a'));
    await client.tasks.fail(taskId, { agentId: 'b', error: 'no tests' });
    const failed = await inState(client, sagaId, 'FAILED');
    expect(failed.reason).toBe('agent b failed: no tests');
    const released = (await client.readStream(`task-${taskId}`)).events.filter(({ type }) => type === 'task.released');
    expect(released.map(({ data }) => (data as { agentId: string }).agentId)).toEqual(['c', 'a']);
    await client.tasks.complete(taskId, part('c'));
    await soon(async () => {
      const { state, history } = await client.sagas.get(sagaId);
      expect(state).toBe('FAILED');
      expect(history.at(-1)?.type).toBe('saga.answer-ignored');
    });
  });

  it('fails at once when an agent of it stops, in every saga that waits for that agent', async () => {
    const { client } = await serve();
    await client.agents.create({ agentId: 'a', agentType: 'coder', configuration: {}, createdBy: 'me' });
    const both = [await client.tasks.request(order('a', 'b')), await client.tasks.request(order('c', 'a'))];
    for (const { taskId } of both) {
      await soon(async () => expect((await client.tasks.get(taskId)).assignedAgents).toContain('a'));
    }
    await client.agents.changeState('a', { newState: 'stopped', reason: 'out of budget' });
    for (const { sagaId } of both) {
      expect((await inState(client, sagaId, 'FAILED')).reason).toBe('agent a was stopped');
    }
    const { sagaId } = await client.tasks.request(order('a'));
    expect((await inState(client, sagaId, 'FAILED')).reason).toBe('agent a was stopped');
  });

  it('shares an agent with another task, each with a separate answer', async () => {
    const { client } = await serve();
    const one = await client.tasks.request(order('a'));
    const two = await client.tasks.request(order('a'));
    await client.tasks.complete(two.taskId, part('a'));
    await inState(client, two.sagaId, 'COMPLETED');
    await inState(client, one.sagaId, 'STARTED');
    await client.tasks.complete(one.taskId, part('a'));
    await inState(client, one.sagaId, 'COMPLETED');
  });

  it('fails at its deadline, also when the server was down at that time', async () => {
    const { client, dataDir } = await serve();
    const { sagaId } = await client.tasks.request({ ...order('a'), deadlineSeconds: 1 });
    await inState(client, sagaId, 'STARTED');
    await server?.close();
    const again = await serve(dataDir);
    const { reason, steps } = await inState(again.client, sagaId, 'FAILED');
    expect(reason).toMatch(/^a did not answer by /);
    expect(steps[0]).toMatchObject({ state: 'compensated' });
  });

  it('is cancelled on request, unless it is completed', async () => {
    const { client } = await serve();
    const { taskId, sagaId } = await client.tasks.request(order('a', 'b'));
    await soon(async () => expect((await client.tasks.get(taskId)).assignedAgents).toEqual(['a', 'b']));
    expect(await client.sagas.cancel(sagaId, { reason: 'not needed' })).toMatchObject({
      sagaId,
      state: 'COMPENSATING',
    });
    expect((await inState(client, sagaId, 'FAILED')).reason).toBe('not needed');
    await soon(async () =>
      expect(await client.tasks.get(taskId)).toMatchObject({ state: 'failed', assignedAgents: [] }),
    );
    const done = await client.tasks.request(order('a'));
    await client.tasks.complete(done.taskId, part('a'));
    await inState(client, done.sagaId, 'COMPLETED');
    await expect(client.sagas.cancel(done.sagaId, { reason: 'late' })).rejects.toMatchObject({
      code: 'COMMAND_REJECTED',
    });
    await expect(client.sagas.cancel('multi-agent-task:none', { reason: 'x' })).rejects.toBeInstanceOf(
      AnnalsRequestError,
    );
    await soon(async () => {
      const listed = (await client.sagas.list()).sagas.map(({ sagaId: id, state }) => [id, state]);
      expect(listed).toEqual([
        [sagaId, 'FAILED'],
        [done.sagaId, 'COMPLETED'],
      ]);
    });
    expect((await client.sagas.list({ state: 'PARKED' })).sagas).toEqual([]);
    await expect(client.sagas.get('none')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('a workflow with a plan', () => {
  const plan = [
    { name: 'plan', agentType: 'planner' },
    { name: 'code', agentType: 'coder' },
  ];
  const start = { workflowType: 'change', initiatedBy: 'me' };
  const done = (stepId: string, nextStep?: string) => ({
    stepId,
    stepType: stepId,
    output: {},
    ...(nextStep ? { nextStep } : {}),
  });

  it('runs step by step, each step assigned to its agent type', async () => {
    const { client } = await serve();
    const { workflowId } = await client.workflows.start({ ...start, parameters: { plan } });
    await client.workflows.completeStep(workflowId, done('plan', 'code'));
    await soon(async () =>
      expect((await client.workflows.get(workflowId)).assigned).toMatchObject({ stepId: 'code', agentType: 'coder' }),
    );
    await client.workflows.completeStep(workflowId, done('code'));
    await inState(client, `workflow:${workflowId}`, 'COMPLETED');
  });

  it('is compensated from the last step to the first when a step fails', async () => {
    const { client } = await serve();
    const { workflowId } = await client.workflows.start({ ...start, parameters: { plan } });
    await client.workflows.completeStep(workflowId, done('plan', 'code'));
    await soon(async () => expect((await client.workflows.get(workflowId)).assigned?.stepId).toBe('code'));
    await client.workflows.failStep(workflowId, { stepId: 'code', error: 'it does not build' });
    const { reason } = await inState(client, `workflow:${workflowId}`, 'FAILED');
    expect(reason).toBe('step code failed: it does not build');
    expect((await typesOf(client, `workflow-${workflowId}`)).at(-1)).toBe('workflow.step-compensated');
    await soon(async () => expect(await client.workflows.get(workflowId)).toMatchObject({ state: 'failed' }));
  });

  it('is refused when its plan is invalid, and only recorded when it has no plan', async () => {
    const { client } = await serve();
    await expect(client.workflows.start({ ...start, parameters: { plan: [] } })).rejects.toMatchObject({
      code: 'VALIDATION_FAILED',
    });
    const { workflowId } = await client.workflows.start({ ...start, parameters: { channel: 'web' } });
    await client.workflows.completeStep(workflowId, done('s1'));
    await expect(client.sagas.get(`workflow:${workflowId}`)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

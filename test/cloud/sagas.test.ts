import { randomBytes } from 'node:crypto';
import { DeleteFunctionConcurrencyCommand, LambdaClient, PutFunctionConcurrencyCommand } from '@aws-sdk/client-lambda';
import {
  CreateStateMachineCommand,
  DeleteStateMachineCommand,
  DescribeExecutionCommand,
  GetExecutionHistoryCommand,
  SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import { ulid } from 'ulid';
import { describe, expect, inject, it, vi } from 'vitest';
import { executionName } from '../../adapters/aws/step-functions/machines.ts';
import type { AnnalsClient } from '../../client/client.ts';
import { workflowSaga } from '../../domain/workflow/workflow-saga.ts';
import { compileSaga } from '../../lib/sagas/saga-machine.ts';
import { deployedClient } from './client.ts';

const client = deployedClient();
const stepFunctions = new SFNClient({ region: inject('deployment').region });
const lambda = new LambdaClient({ region: inject('deployment').region });
const soon = <T>(check: () => Promise<T>, timeout = 60_000) => vi.waitFor(check, { timeout, interval: 250 });

const part = (agentId: string) => ({ agentId, result: { by: agentId }, duration: 5, resources: {} });
const agents = (...names: string[]) => names.map((name) => `${name}-${ulid()}`) as [string, string, string];
const order = (requiredAgents: string[], deadlineSeconds = 300) => ({ requiredAgents, payload: {}, deadlineSeconds });
const inState = (sagaId: string, state: string) =>
  soon(async () => {
    const saga = await client.sagas.get(sagaId);
    expect(saga.state).toBe(state);
    return saga;
  });
const assigned = (taskId: string, all: readonly string[], timeout?: number) =>
  soon(async () => {
    const events = await eventsOf(client, `task-${taskId}`);
    const to = events.flatMap(({ type, data }) =>
      type === 'task.assigned' ? [(data as { agentId: string }).agentId] : [],
    );
    expect(to.toSorted()).toEqual(all.toSorted());
  }, timeout);
const eventsOf = async (from: AnnalsClient, stream: string) => (await from.readStream(stream, { limit: 1_000 })).events;

/** The execution that runs a saga. */
const arnOf = (sagaId: string, turn = 0) => {
  const [, saga = ''] = /^([^:]+):/.exec(sagaId) ?? [];
  const machine = `${inject('deployment').sagaMachineArnPrefix}${saga}`;
  return `${machine.replace(':stateMachine:', ':execution:')}:${executionName(sagaId, turn)}`;
};
const ends = (sagaId: string, status: string) =>
  soon(async () => {
    const execution = await stepFunctions.send(new DescribeExecutionCommand({ executionArn: arnOf(sagaId) }));
    expect(execution.status).toBe(status);
  });
async function statesOf(sagaId: string): Promise<string[]> {
  const { events } = await stepFunctions.send(new GetExecutionHistoryCommand({ executionArn: arnOf(sagaId) }));
  return (events ?? []).flatMap(({ stateEnteredEventDetails: entered }) => entered?.name ?? []);
}

describe('the state machine of a task of several agents', () => {
  it('assigns all, takes their answers in any order, and completes', async () => {
    const all = agents('a', 'b', 'c');
    const { taskId, sagaId } = await client.tasks.request(order(all));
    await assigned(taskId, all);
    for (const agentId of all.toReversed()) await client.tasks.complete(taskId, part(agentId));
    const { history } = await inState(sagaId, 'COMPLETED');
    expect(history.map(({ type }) => type)).toEqual([
      'saga.started',
      'saga.step-started',
      ...Array(3).fill('saga.step-completed'),
      'multi-agent-task.completed',
      'saga.completed',
    ]);
    await ends(sagaId, 'SUCCEEDED');
    expect(await statesOf(sagaId)).toEqual(['assign', 'What next?', 'Which step?', 'Completed']);
  });

  it('takes an order and a result of 300 KB each, more than Step Functions carries', async () => {
    const [a] = agents('a');
    const text = randomBytes(225_000).toString('base64'); // 300,000 characters that do not shrink
    const { taskId, sagaId } = await client.tasks.request({ ...order([a]), payload: { text } });
    await assigned(taskId, [a]);
    await client.tasks.complete(taskId, { ...part(a), result: { text } });
    await inState(sagaId, 'COMPLETED');
    await ends(sagaId, 'SUCCEEDED');
    const events = await eventsOf(client, `task-${taskId}`);
    const kept = (type: string) => events.find((event) => event.type === type)?.data;
    expect(kept('task.requested')).toMatchObject({ payload: { text } });
    expect(kept('task.completed')).toMatchObject({ result: { text } });
  });

  // A function that is throttled fails, and its machine asks again. So the machine of this test runs 10 functions and not 100.
  it('completes with the answers of 100 agents, though 10 can be asked at once', { timeout: 300_000 }, async () => {
    const all = Array.from({ length: 100 }, (_, index) => `agent-${index}-${ulid()}`);
    const { sagaTaskFunction: FunctionName, emulated } = inject('deployment');
    const bound = new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 10 });
    if (emulated) await lambda.send(bound);
    try {
      const { taskId, sagaId } = await client.tasks.request(order(all, 3_600));
      await assigned(taskId, all, 200_000);
      for (const agentId of all) await client.tasks.complete(taskId, part(agentId));
      const { history } = await inState(sagaId, 'COMPLETED');
      expect(history.filter(({ type }) => type === 'saga.step-completed')).toHaveLength(100);
      await ends(sagaId, 'SUCCEEDED');
    } finally {
      if (emulated) await lambda.send(new DeleteFunctionConcurrencyCommand({ FunctionName }));
    }
  });

  it('takes an answer that comes before anybody was asked', async () => {
    const [a] = agents('a');
    const { taskId, sagaId } = await client.tasks.request(order([a]));
    await client.tasks.complete(taskId, part(a));
    await inState(sagaId, 'COMPLETED');
    await ends(sagaId, 'SUCCEEDED');
  });

  it('releases the assignments, last first, when an agent fails', async () => {
    const all = agents('a', 'b', 'c');
    const { taskId, sagaId } = await client.tasks.request(order(all));
    await assigned(taskId, all);
    await client.tasks.complete(taskId, part(all[0]));
    await client.tasks.fail(taskId, { agentId: all[1], error: 'no tests' });
    const { reason } = await inState(sagaId, 'FAILED');
    expect(reason).toBe(`agent ${all[1]} failed: no tests`);
    const released = (await eventsOf(client, `task-${taskId}`)).filter(({ type }) => type === 'task.released');
    expect(released.map(({ data }) => (data as { agentId: string }).agentId)).toEqual([all[2], all[0]]);
    await ends(sagaId, 'SUCCEEDED');
    expect(await statesOf(sagaId)).toEqual([
      ...['assign', 'What next?', 'Turn round', 'Anything left?', 'Undo the last', 'Anything left?'],
      ...['Undo the last', 'Anything left?', 'Failed, all undone'],
    ]);
    await client.tasks.complete(taskId, part(all[2]));
    await soon(async () => expect((await client.sagas.get(sagaId)).history.at(-1)?.type).toBe('saga.answer-ignored'));
  });

  it('fails at once when an agent of it is stopped', async () => {
    const all = agents('a', 'b');
    await client.agents.create({ agentId: all[1], agentType: 'coder', configuration: {}, createdBy: 'test' });
    const { taskId, sagaId } = await client.tasks.request(order(all));
    await assigned(taskId, all);
    await client.agents.changeState(all[1], { newState: 'stopped', reason: 'out of budget' });
    expect((await inState(sagaId, 'FAILED')).reason).toBe(`agent ${all[1]} was stopped`);
    await ends(sagaId, 'SUCCEEDED');
  });

  it('is cancelled on demand', async () => {
    const all = agents('a', 'b');
    const { taskId, sagaId } = await client.tasks.request(order(all));
    await assigned(taskId, all);
    await client.sagas.cancel(sagaId, { reason: 'not needed' });
    expect((await inState(sagaId, 'FAILED')).reason).toBe('not needed');
    await ends(sagaId, 'SUCCEEDED');
  });
});

describe('the state machine of a workflow', () => {
  const plan = [
    { name: 'plan', agentType: 'planner' },
    { name: 'code', agentType: 'coder' },
  ];
  const done = (stepId: string, nextStep?: string) => ({
    ...{ stepId, stepType: stepId, output: {} },
    ...(nextStep === undefined ? {} : { nextStep }),
  });
  const waitsFor = (workflowId: string, stepId: string) =>
    soon(async () => {
      const last = (await eventsOf(client, `workflow-${workflowId}`)).at(-1);
      expect(last).toMatchObject({ type: 'workflow.step-assigned', data: { stepId } });
    });

  const startedToCode = async (): Promise<string> => {
    const { workflowId } = await client.workflows.start({
      workflowType: 'x',
      initiatedBy: 'test',
      parameters: { plan },
    });
    await waitsFor(workflowId, 'plan');
    await client.workflows.completeStep(workflowId, done('plan', 'code'));
    await waitsFor(workflowId, 'code');
    return workflowId;
  };

  it('goes from step to step', async () => {
    const workflowId = await startedToCode();
    await client.workflows.completeStep(workflowId, done('code'));
    await inState(`workflow:${workflowId}`, 'COMPLETED');
    await ends(`workflow:${workflowId}`, 'SUCCEEDED');
  });

  it('compensates the finished steps when a step fails', async () => {
    const workflowId = await startedToCode();
    await client.workflows.failStep(workflowId, { stepId: 'code', error: 'it does not build' });
    await inState(`workflow:${workflowId}`, 'FAILED');
    const undone = (await eventsOf(client, `workflow-${workflowId}`)).at(-1);
    expect(undone).toMatchObject({ type: 'workflow.step-compensated', data: { stepId: 'plan' } });
  });
});

describe('a deadline', () => {
  // The emulator reads no time-out from the input of a state; on AWS the deployed machine itself would do.
  it.runIf(inject('deployment').emulated)('turns the machine round, and what was begun is undone', async () => {
    const { sagaTaskFunction, sagaMachineArnPrefix } = inject('deployment');
    const name = `short-${ulid()}`;
    const definition = JSON.stringify(compileSaga(workflowSaga, { taskFunction: sagaTaskFunction, timeoutSeconds: 3 }));
    const { stateMachineArn } = await stepFunctions.send(
      new CreateStateMachineCommand({ name, definition, roleArn: 'arn:aws:iam::000000000000:role/any' }),
    );
    expect(sagaMachineArnPrefix).toContain(':stateMachine:');
    const plan = [{ name: 'plan', agentType: 'planner', deadlineSeconds: 2 }];
    const { workflowId } = await client.workflows.start({
      workflowType: 'x',
      initiatedBy: 'test',
      parameters: { plan },
    });
    const sagaId = `workflow:${workflowId}`;
    await inState(sagaId, 'STARTED');
    const round = { step: 'step', groups: [[{ item: 'plan', timeoutSeconds: 3 }]] };
    const input = JSON.stringify({ sagaId, next: { round } });
    await stepFunctions.send(new StartExecutionCommand({ stateMachineArn, input }));
    expect((await inState(sagaId, 'FAILED')).reason).toMatch(/^plan did not answer by /);
    const types = (await eventsOf(client, `workflow-${workflowId}`)).map(({ type }) => type);
    expect(types).toEqual(['workflow.started', 'workflow.step-assigned', 'workflow.step-compensated']);
    await stepFunctions.send(new DeleteStateMachineCommand({ stateMachineArn }));
  });

  it.runIf(inject('deployment').emulated)('decides for the person that did not, as the plan says', async () => {
    const { sagaTaskFunction } = inject('deployment');
    const name = `short-${ulid()}`;
    const definition = JSON.stringify(compileSaga(workflowSaga, { taskFunction: sagaTaskFunction, timeoutSeconds: 3 }));
    const { stateMachineArn } = await stepFunctions.send(
      new CreateStateMachineCommand({ name, definition, roleArn: 'arn:aws:iam::000000000000:role/any' }),
    );
    const approval = { by: 'ops', deadlineSeconds: 2, otherwise: 'approve' };
    const plan = [{ name: 'deploy', agentType: 'operator', approval }];
    const { workflowId } = await client.workflows.start({
      workflowType: 'x',
      initiatedBy: 'test',
      parameters: { plan },
    });
    const sagaId = `workflow:${workflowId}`;
    await inState(sagaId, 'STARTED');
    const round = { step: 'step', groups: [[{ item: 'deploy:ok', timeoutSeconds: 3 }]] };
    const input = JSON.stringify({ sagaId, next: { round } });
    await stepFunctions.send(new StartExecutionCommand({ stateMachineArn, input }));
    await soon(async () => {
      const types = (await eventsOf(client, `workflow-${workflowId}`)).map(({ type }) => type);
      expect(types).toEqual(['workflow.started', 'workflow.step-assigned']);
    });
    expect(await client.approvals.get(`${sagaId}:deploy:ok`)).toMatchObject({ state: 'expired', decision: 'approve' });
    await stepFunctions.send(new DeleteStateMachineCommand({ stateMachineArn }));
  });
});

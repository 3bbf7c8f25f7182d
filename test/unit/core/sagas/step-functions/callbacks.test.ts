import { describe, expect, it } from 'vitest';
import type { DomainEvent } from '../../../../../core/events/catalogue.ts';
import { SagaExecution } from '../../../../../core/sagas/execution.ts';
import { SagaCallbacks, SagaCompensating } from '../../../../../core/sagas/step-functions/callbacks.ts';
import type { SagaMachines, SagaRound } from '../../../../../core/sagas/tokens.ts';
import { handleCommand } from '../../../../../core/state/decider.ts';
import type { Commit } from '../../../../../core/store/commit.ts';
import type { CommitStorage } from '../../../../../core/store/commit-storage.ts';
import { EventStore } from '../../../../../core/store/event-store.ts';
import { agentDecider } from '../../../../../domain/agent/agent.ts';
import agents from '../../../../../domain/application.ts';
import { taskDecider } from '../../../../../domain/task/task.ts';
import type { TaskCommand } from '../../../../../domain/task/task-commands.ts';
import { workflowDecider } from '../../../../../domain/workflow/workflow.ts';
import type { WorkflowCommand } from '../../../../../domain/workflow/workflow-commands.ts';
import { MemoryCommitStorage } from '../../../../../testing/memory/commit-storage.ts';
import { catalogue } from '../../../../support/application.ts';
import { MemorySagaTokens } from '../../../../support/memory-saga-tokens.ts';
import { passing } from '../../../../support/passing-storage.ts';

const { sagas } = agents;

const SAGA = 'multi-agent-task:t-1';
const part = { result: 1, duration: 1, resources: {} };

/** The machine's side of a saga, with a bus that delivers what it is told to. */
function world() {
  let now = Date.parse('2026-01-05T09:00:00.000Z');
  const clock = () => new Date(now);
  const storage = new MemoryCommitStorage();
  const meanwhile: { onPut?: (commit: Commit) => Promise<void> } = {};
  const slow: CommitStorage = {
    ...passing(storage),
    put: async (commit) => {
      await meanwhile.onPut?.(commit);
      return storage.put(commit);
    },
  };
  const store = new EventStore(slow, { catalogue, now: clock });
  const execution = new SagaExecution({ sagas, store, now: clock });
  /** Another invocation: in a process, the writers of a stream come in turn. */
  const elsewhere = new SagaExecution({ sagas, store: new EventStore(slow, { catalogue, now: clock }), now: clock });
  const tokens = new MemorySagaTokens();
  const started: { sagaId: string; round: SagaRound; turn: number }[] = [];
  const told: string[] = [];
  const machines: SagaMachines = {
    start: async (_, sagaId, options) => void started.push({ sagaId, ...options }),
    succeed: async (token) => void told.push(`${token} succeeded`),
    fail: async (token, error) => void told.push(`${token} ${error}`),
  };
  const callbacks = new SagaCallbacks({ execution, tokens, machines, now: clock });
  const others = new SagaCallbacks({ execution: elsewhere, tokens, machines, now: clock });
  const types = async (stream: string) => (await Array.fromAsync(store.read(stream))).map(({ type }) => type);
  const last = async (stream: string): Promise<DomainEvent> => {
    const event = (await Array.fromAsync(store.read(stream))).at(-1);
    if (!event) throw new Error(`${stream} is empty`);
    return event;
  };
  const task = async (command: TaskCommand) => {
    await handleCommand(store, taskDecider, 't-1', command, { now: clock });
    return last('task-t-1');
  };
  const workflow = async (command: WorkflowCommand) => {
    await handleCommand(store, workflowDecider, 'w-1', command, { now: clock });
    return last('workflow-w-1');
  };
  const request = (...requiredAgents: string[]) =>
    task({ kind: 'request', requiredAgents, payload: {}, deadlineSeconds: 60 });
  const pass = (seconds: number) => {
    now += seconds * 1_000;
  };
  const here = { store, execution, tokens, callbacks, started, told };
  return { ...here, meanwhile, elsewhere, others, types, last, task, workflow, request, pass };
}

describe('callbacks of state machines', () => {
  it('start a machine with the first round, in groups that a Map state takes', async () => {
    const { callbacks, started, request } = world();
    const agents = Array.from({ length: 100 }, (_, n) => `${n}-`.padEnd(128, 'x'));
    await callbacks.event(await request(...agents));
    expect(started[0]?.round.groups.map(({ length }) => length)).toEqual([40, 40, 20]);
    expect(started[0]?.round.groups[0]?.[0]?.timeoutSeconds).toBe(61);
    expect(JSON.stringify(started[0]).length).toBeLessThan(32 * 1024); // the limit is 256 KB
  });

  it('answer a machine that asks after the answer came, and one that asked before', async () => {
    const { callbacks, told, tokens, task, request } = world();
    await callbacks.event(await request('a', 'b'));
    await callbacks.event(await task({ kind: 'complete', agentId: 'a', ...part }));
    await callbacks.ask(SAGA, 'a', 'token-a');
    await callbacks.ask(SAGA, 'b', 'token-b');
    expect(told).toEqual(['token-a succeeded']);
    await callbacks.event(await task({ kind: 'complete', agentId: 'b', ...part }));
    expect(told).toEqual(['token-a succeeded', 'token-b succeeded']);
    expect(await tokens.ofSaga(SAGA)).toEqual([]); // a token is gone once used
    expect(await callbacks.round(SAGA)).toEqual({ step: '', groups: [] });
  });

  it('start a saga for an answer that the bus brought before the start', async () => {
    const { callbacks, started, types, task, request } = world();
    const requested = await request('a');
    await callbacks.event(await task({ kind: 'complete', agentId: 'a', ...part }));
    await callbacks.event(requested);
    expect(new Set(started.map(({ sagaId }) => sagaId))).toEqual(new Set([SAGA]));
    expect((await types(`saga-${SAGA}`)).at(-1)).toBe('saga.completed');
  });

  it('let go of all who wait once one failed, and undo last first', async () => {
    const { callbacks, told, types, task, request } = world();
    await callbacks.event(await request('a', 'b', 'c'));
    for (const agent of ['a', 'b', 'c']) await callbacks.ask(SAGA, agent, `token-${agent}`);
    await callbacks.event(await task({ kind: 'complete', agentId: 'a', ...part }));
    await callbacks.event(await task({ kind: 'fail', agentId: 'b', error: 'no' }));
    expect(told.toSorted()).toEqual(['token-a succeeded', 'token-b SagaCompensating', 'token-c SagaCompensating']);
    await expect(callbacks.round(SAGA)).rejects.toBeInstanceOf(SagaCompensating);
    expect(await callbacks.turn(SAGA, 'SagaCompensating')).toEqual({ more: true });
    expect(await callbacks.undo(SAGA)).toEqual({ more: true });
    expect(await callbacks.undo(SAGA)).toEqual({ more: false });
    expect(await callbacks.undo(SAGA)).toEqual({ more: false });
    expect((await types('task-t-1')).filter((type) => type === 'task.released')).toHaveLength(2);
    expect((await types(`saga-${SAGA}`)).slice(-2)).toEqual(['multi-agent-task.failed', 'saga.failed']);
  });

  it('tell a machine that asks too late that there is nothing to ask for, and assign nobody', async () => {
    const { callbacks, execution, told, types, request } = world();
    await callbacks.event(await request('a', 'b'));
    await execution.take(SAGA, { kind: 'cancel', reason: 'enough' });
    await callbacks.ask(SAGA, 'b', 'token-b');
    expect(told).toEqual(['token-b SagaCompensating']);
    expect(await types('task-t-1')).toEqual(['task.requested']);
  });

  it('assign nobody who was released while the assignment was on its way', async () => {
    const { callbacks, elsewhere, others, meanwhile, types, request } = world();
    await callbacks.event(await request('a'));
    meanwhile.onPut = async ({ types }) => {
      if (!types.includes('task.assigned')) return;
      delete meanwhile.onPut;
      await elsewhere.take(SAGA, { kind: 'cancel', reason: 'enough' });
      await others.undo(SAGA);
    };
    await callbacks.ask(SAGA, 'a', 'token-a');
    expect(await types('task-t-1')).toEqual(['task.requested', 'task.released']);
    expect((await types(`saga-${SAGA}`)).at(-1)).toBe('saga.failed');
  });

  it('fail the items of an agent that stops, and of one that has stopped already', async () => {
    const { store, callbacks, told, last, request } = world();
    const stop = async (agentId: string) => {
      await handleCommand(store, agentDecider, agentId, {
        kind: 'create',
        agentType: 'x',
        configuration: {},
        createdBy: 'x',
      });
      await handleCommand(store, agentDecider, agentId, { kind: 'change-state', newState: 'stopped', reason: 'x' });
      return last(`agent-${agentId}`);
    };
    await callbacks.event(await request('a', 'b'));
    await callbacks.ask(SAGA, 'a', 'token-a');
    await callbacks.event(await stop('a'));
    expect(told).toEqual(['token-a SagaCompensating']);
    const other = world();
    await other.callbacks.event(await other.request('a'));
    await handleCommand(other.store, agentDecider, 'a', {
      kind: 'create',
      agentType: 'x',
      configuration: {},
      createdBy: 'x',
    });
    await handleCommand(other.store, agentDecider, 'a', { kind: 'change-state', newState: 'stopped', reason: 'x' });
    await other.callbacks.ask(SAGA, 'a', 'token-a');
    expect(other.told).toEqual(['token-a SagaCompensating']);
  });

  it('turn round at the deadline, and for a machine that broke', async () => {
    const { callbacks, execution, request, pass } = world();
    await callbacks.event(await request('a'));
    await callbacks.ask(SAGA, 'a', 'token-a');
    pass(61);
    await callbacks.turn(SAGA, 'States.Timeout');
    expect((await execution.load(SAGA)).reason).toMatch(/did not answer by/);
    const broken = world();
    await broken.callbacks.event(await broken.request('a'));
    await broken.callbacks.turn(SAGA, 'States.DataLimitExceeded');
    expect((await broken.execution.load(SAGA)).reason).toBe('States.DataLimitExceeded');
  });

  it('begin the next attempt when a machine asks again', async () => {
    const { callbacks, told, workflow, last } = world();
    const plan = [{ name: 'code', agentType: 'coder', retries: 1 }];
    const start = { kind: 'start', workflowType: 'x', initiatedBy: 'x', parameters: { plan } } as const;
    await callbacks.event(await workflow(start));
    await callbacks.ask('workflow:w-1', 'code', 'token-1');
    await callbacks.event(await workflow({ kind: 'fail-step', stepId: 'code', error: 'no' }));
    expect(told).toEqual(['token-1 SagaRetry']);
    await callbacks.ask('workflow:w-1', 'code', 'token-2');
    expect(await last('workflow-w-1')).toMatchObject({ type: 'workflow.step-assigned', data: { attempt: 2 } });
    await callbacks.event(await workflow({ kind: 'fail-step', stepId: 'code', error: 'no' }));
    expect(told).toEqual(['token-1 SagaRetry', 'token-2 SagaCompensating']);
  });

  it('start a machine of its own for a saga that an operator resumes', async () => {
    const { callbacks, execution, started, last, task, request } = world();
    await callbacks.event(await request('a', 'b'));
    await callbacks.event(await task({ kind: 'fail', agentId: 'a', error: 'no' }));
    await callbacks.park(SAGA, 'broken');
    expect((await execution.load(SAGA)).parked).toMatchObject({ item: 'b', reason: 'broken' });
    expect(await callbacks.undo(SAGA)).toEqual({ more: false }); // not while it is parked
    await execution.take(SAGA, { kind: 'resume' });
    await callbacks.event(await last(`saga-${SAGA}`));
    expect(started.at(-1)).toMatchObject({ sagaId: SAGA, round: { step: '', groups: [] } });
    expect(new Set(started.map(({ turn }) => turn)).size).toBe(2);
    await callbacks.turn(SAGA, 'SagaCompensating');
    expect(await callbacks.undo(SAGA)).toEqual({ more: false });
    expect((await execution.load(SAGA)).status).toBe('FAILED');
  });
});

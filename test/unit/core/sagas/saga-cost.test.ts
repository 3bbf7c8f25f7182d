import { describe, expect, it } from 'vitest';
import { SagaRunner } from '../../../../core/sagas/embedded-runner/runner.ts';
import { SagaExecution } from '../../../../core/sagas/execution.ts';
import { SagaCallbacks } from '../../../../core/sagas/step-functions/callbacks.ts';
import type { SagaMachines } from '../../../../core/sagas/tokens.ts';
import { handleCommand } from '../../../../core/state/decider.ts';
import { type Commit, decodeCommit } from '../../../../core/store/commit.ts';
import type { CommitStorage } from '../../../../core/store/commit-storage.ts';
import { EventStore } from '../../../../core/store/event-store.ts';
import agents from '../../../../domain/application.ts';
import { taskDecider } from '../../../../domain/task/task.ts';
import type { TaskCommand } from '../../../../domain/task/task-commands.ts';
import { MemoryCommitStorage } from '../../../../testing/memory/commit-storage.ts';
import { MemorySagaIndex, MemorySagaMarks } from '../../../../testing/memory/sagas.ts';
import { catalogue } from '../../../support/application.ts';
import { countedReads } from '../../../support/counted-reads.ts';
import { MemorySagaTokens } from '../../../support/memory-saga-tokens.ts';
import { passing } from '../../../support/passing-storage.ts';

const { sagas } = agents;

const SAGA = 'saga-multi-agent-task:t-1';

/** A task of so many agents; commits are handed over one by one, as they are stored, to whatever runs the saga. */
function world() {
  const pending: Commit[] = [];
  const inner = new MemoryCommitStorage();
  const { storage, reads } = countedReads(inner);
  const stored: CommitStorage = {
    ...storage,
    put: async (commit) => {
      const occupant = await storage.put(commit);
      if (!occupant) pending.push(commit);
      return occupant;
    },
  };
  const store = new EventStore(stored, { catalogue });
  const users = new EventStore({ ...passing(inner), put: stored.put }, { catalogue }); // what agents read costs the saga nothing
  const execution = new SagaExecution({ sagas, store });
  const command = (asked: TaskCommand) => handleCommand(users, taskDecider, 't-1', asked);
  const history = async () => (await Array.fromAsync(users.read(SAGA))).map(({ type }) => type);
  /** An answer that no command would give once more, but that a raw append can. */
  const repeat = (agentId: string) => {
    const data = { taskId: 't-1', agentId, result: 'again', duration: 1, resources: {} };
    return users.append('task-t-1', [{ type: 'task.completed', data }], { expectedVersion: 'any' });
  };
  return { execution, reads, pending, command, repeat, history };
}

type Host = (execution: SagaExecution) => (commit: Commit) => Promise<void>;

const runnerOf = (execution: SagaExecution, error: (message: string) => void) =>
  new SagaRunner({
    execution,
    index: new MemorySagaIndex(),
    marks: new MemorySagaMarks(),
    policy: { attempts: 1, initialDelayMs: 0, maxDelayMs: 0 },
    logger: { error },
  });

const onOneMachine: Host = (execution) => {
  const runner = runnerOf(execution, (message) => {
    throw new Error(message);
  });
  return (commit) => runner.apply([commit]);
};

const onStepFunctions: Host = (execution) => {
  const asks: (() => Promise<void>)[] = [];
  const machines: SagaMachines = {
    start: async (_, sagaId, { round }) => {
      for (const { item } of round.groups.flat()) asks.push(() => callbacks.ask(sagaId, item, `token of ${item}`));
    },
    succeed: async () => {},
    fail: async () => {},
  };
  const callbacks = new SagaCallbacks({ execution, tokens: new MemorySagaTokens(), machines });
  return async (commit) => {
    for (const event of decodeCommit(commit, catalogue)) await callbacks.event(event);
    for (const ask of asks.splice(0)) await ask();
  };
};

/** Runs the saga of a task from its request to its end. @returns what it read */
async function runTask(host: Host, agents: number, repeats = 0) {
  const { execution, reads, pending, command, repeat, history } = world();
  const deliver = host(execution);
  const drain = async () => {
    for (let commit = pending.shift(); commit; commit = pending.shift()) await deliver(commit);
  };
  const requiredAgents = Array.from({ length: agents }, (_, n) => `agent-${n}`);
  await command({ kind: 'request', requiredAgents, payload: {}, deadlineSeconds: 60 });
  await drain();
  for (const agentId of requiredAgents) {
    await command({ kind: 'complete', agentId, result: 'done', duration: 1, resources: {} });
    for (let n = 0; n < repeats; n++) await repeat(agentId);
    await drain();
  }
  return { reads, history: await history() };
}

describe.each([
  ['one machine', onOneMachine],
  ['Step Functions', onStepFunctions],
] as const)('a saga on %s', (_, host) => {
  it('of a hundred agents reads about twice as much over its life as one of fifty', async () => {
    const [fifty, hundred] = [await runTask(host, 50), await runTask(host, 100)];
    expect(hundred.history.at(-1)).toBe('saga.completed');
    if (process.env['SAGA_COST']) process.stdout.write(`${JSON.stringify(hundred.reads)}\n`);
    expect(hundred.reads.requests).toBeLessThan(fifty.reads.requests * 2.2);
    expect(hundred.reads.units).toBeLessThan(fifty.reads.units * 2.2);
    expect(hundred.reads.units).toBeLessThan(100 * 12);
  });

  it('has the same history however often its agents repeat their answers', async () => {
    const once = await runTask(host, 5);
    const often = await runTask(host, 5, 20);
    expect(once.history).not.toContain('saga.answer-ignored');
    expect(often.history).toEqual(once.history);
  });
});

it('a stream that many answers could come from, but no saga, costs one look for all of a batch', async () => {
  const { storage, reads } = countedReads(new MemoryCommitStorage());
  const store = new EventStore(storage, { catalogue });
  const execution = new SagaExecution({ sagas, store });
  const runner = runnerOf(execution, () => {});
  const started = { workflowId: 'w', workflowType: 'recorded', initiatedBy: 'me', parameters: {} };
  await store.append('workflow-w', [{ type: 'workflow.started', data: started }], { expectedVersion: 0 });
  const steps = Array.from({ length: 100 }, (_, index) => {
    const data = { workflowId: 'w', stepId: `s-${index}`, stepType: 's', output: {} };
    return { type: 'workflow.step-completed' as const, data };
  });
  await store.append('workflow-w', steps, { expectedVersion: 1, headKnown: true });
  const commits = await Array.fromAsync(store.commits('workflow-w'));
  reads.requests = 0;
  await runner.apply(commits);
  expect(reads.requests).toBe(1);
});

import { describe, expect, it, vi } from 'vitest';
import {
  CommandRejectedError,
  InvalidIdError,
  UnavailableError,
  ValidationError,
} from '../../../../core/base/errors.ts';
import { handleCommand } from '../../../../core/state/decider.ts';
import { EventStore } from '../../../../core/store/event-store.ts';
import { agentDecider } from '../../../../domain/agent/agent.ts';
import type { AgentCommand } from '../../../../domain/agent/agent-commands.ts';
import { taskDecider } from '../../../../domain/task/task.ts';
import { MemoryCommitStorage } from '../../../../testing/memory/commit-storage.ts';
import { catalogue } from '../../../support/application.ts';
import { losingReplies } from '../../../support/losing-replies.ts';

const create: AgentCommand = { kind: 'create', agentType: 'coder', configuration: {}, createdBy: 'ops' };
const step: AgentCommand = { kind: 'record-step', action: 'ls' };
const become = (newState: 'running' | 'stopped'): AgentCommand => ({ kind: 'change-state', newState, reason: 'x' });

function newStore() {
  const storage = new MemoryCommitStorage();
  const store = new EventStore(storage, { catalogue });
  const run = (command: AgentCommand, commitId?: string) =>
    handleCommand(store, agentDecider, '42', command, { commitId });
  return { storage, store, run };
}

describe('handleCommand', () => {
  it('loads, decides, appends, and answers with state and version', async () => {
    const { run } = newStore();
    expect(await run(create)).toEqual({ state: { state: 'created' }, version: 1, repeated: false });
    expect(await run(become('running'))).toEqual({ state: { state: 'running' }, version: 2, repeated: false });
  });

  it('writes nothing when the decision is nothing or no', async () => {
    const { run, store } = newStore();
    await run(create);
    await run(become('stopped'));
    expect(await run(become('stopped'))).toMatchObject({ version: 2 });
    await expect(run(step)).rejects.toThrow(CommandRejectedError);
    expect(await store.head('agent-42')).toBe(2);
  });

  it('gives its events the time at which they happened, at most a day from now', async () => {
    const { store } = newStore();
    const timestamp = '2020-01-05T09:00:00.000Z';
    await handleCommand(store, agentDecider, '1', create, { timestamp });
    const [event] = await Array.fromAsync(store.read('agent-1'));
    expect(event).toMatchObject({ type: 'agent.created', timestamp });
    expect(Date.parse(event?.metadata.recordedAt ?? '')).toBeGreaterThan(Date.parse(timestamp));
    const now = () => new Date('2026-01-05T09:00:00Z');
    const at = (time: string) =>
      handleCommand(store, agentDecider, time.slice(8, 10), create, { timestamp: time, now });
    await expect(at('2026-01-06T09:00:00Z')).resolves.toMatchObject({ version: 1 });
    expect(() => at('2026-01-07T09:00:00Z')).toThrow(ValidationError);
  });

  it('refuses an id that no stream can have', async () => {
    const { store } = newStore();
    expect(() => handleCommand(store, agentDecider, '__proto__', create)).toThrow(InvalidIdError);
  });

  it('answers a repeat like the first time, whatever happened since, even if it would be rejected now', async () => {
    const { run, store } = newStore();
    await run(create, 'k1');
    await run(become('running'), 'k2');
    await run(become('stopped'), 'k3');
    expect(await run(create, 'k1')).toEqual({ state: { state: 'created' }, version: 1, repeated: true });
    expect(await run(become('running'), 'k2')).toEqual({ state: { state: 'running' }, version: 2, repeated: true });
    expect(await store.head('agent-42')).toBe(3);
  });

  it('carries out hundreds of commands and appends of one stream at once, and none of them loses a race', async () => {
    const { storage, store, run } = newStore();
    await run(create);
    const put = vi.spyOn(storage, 'put');
    const commands = Array.from({ length: 200 }, () => run(step));
    const event = { type: 'agent.step-recorded', data: { agentId: '42', action: 'ls' } } as const;
    const appends = Array.from({ length: 200 }, () => store.append('agent-42', [event], { expectedVersion: 'any' }));
    const versions = (await Promise.all(commands)).map(({ version }) => version);
    const ends = (await Promise.all(appends)).map(({ toVersion }) => toVersion);
    expect(new Set([...versions, ...ends]).size).toBe(400);
    expect(put).toHaveBeenCalledTimes(400);
  });

  it('is safe to repeat when the reply of the write was lost', async () => {
    const { storage, run, store } = newStore();
    const unlucky = new EventStore(losingReplies(storage), { catalogue });
    await expect(handleCommand(unlucky, agentDecider, '42', create, { commitId: 'k1' })).rejects.toThrow(
      UnavailableError,
    );
    expect(await run(create, 'k1')).toMatchObject({ version: 1, repeated: true });
    expect(await store.head('agent-42')).toBe(1);
  });

  it('decides again when another writer was faster: of many completions each agent’s counts once', async () => {
    const { store } = newStore();
    const agents = Array.from({ length: 8 }, (_, n) => `a${n}`);
    const request = { kind: 'request', requiredAgents: agents, payload: {}, deadlineSeconds: 9 } as const;
    await handleCommand(store, taskDecider, 't', request);
    const complete = (agentId: string) =>
      handleCommand(store, taskDecider, 't', { kind: 'complete', agentId, result: 1, duration: 1, resources: {} });
    const answers = await Promise.allSettled([...agents, ...agents].map(complete));
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(agents.length);
    expect(await store.head('task-t')).toBe(1 + agents.length);
  });

  it('carries out the same command once when it comes many times at once', async () => {
    const { run, store } = newStore();
    await run(create);
    const results = await Promise.all(Array.from({ length: 10 }, () => run(step, 'k1')));
    expect(results.map(({ version }) => version)).toEqual(Array(10).fill(2));
    expect(results.filter(({ repeated }) => !repeated)).toHaveLength(1);
    expect(await store.head('agent-42')).toBe(2);
  });
});

import { describe, expect, it } from 'vitest';
import type { DomainEvent } from '../../../../core/events/catalogue.ts';
import { defineSaga, type Party, partiesOf } from '../../../../core/sagas/saga.ts';
import { agentDecider } from '../../../../domain/agent/agent.ts';
import { multiAgentTask } from '../../../../domain/task/multi-agent-task-saga.ts';
import { taskDecider } from '../../../../domain/task/task.ts';
import { MachineWorld } from '../../../support/machine-world.ts';
import { RunnerWorld } from '../../../support/saga-world.ts';

const stopped = (event: DomainEvent) =>
  event.type === 'agent.state-changed' && event.data.newState === 'stopped'
    ? `${event.aggregateId} stopped`
    : undefined;

/** Every item has the warden of its task as a second party, except that of agent `free`. */
const warden: Party<{ taskId: string }> = {
  aggregateType: 'agent',
  id: (item, { input }) => (item === 'free' ? undefined : `warden-of-${input.taskId}`),
  endedBy: ['agent.state-changed'],
  fails: stopped,
};
const guarded = defineSaga({
  ...multiAgentTask,
  steps: multiAgentTask.steps.map((step) => ({ ...step, party: [...partiesOf(step), warden] })),
});

describe.each([
  ['on one machine', RunnerWorld],
  ['with a state machine', MachineWorld],
] as const)('items with several parties, %s', (_, World) => {
  const begun = async (requiredAgents: string[], stoppedBefore: string[] = []) => {
    const world = new World([guarded], { crashes: () => undefined, stubborn: new Map() });
    for (const agentId of ['a', 'b', 'free', 'warden-of-t', 'warden-of-other']) {
      const create = { kind: 'create', agentType: 'coder', configuration: {}, createdBy: 'me' };
      await world.command(agentDecider as never, agentId, create as never);
    }
    const stop = (agentId: string) =>
      world.command(agentDecider as never, agentId, {
        kind: 'change-state',
        newState: 'stopped',
        reason: 'x',
      } as never);
    for (const agentId of stoppedBefore) await stop(agentId);
    const request = { kind: 'request', requiredAgents, payload: {}, deadlineSeconds: 60 };
    await world.command(taskDecider as never, 't', request as never);
    await world.settle();
    const stopping = async (agentId: string) => {
      await stop(agentId);
      await world.settle();
      const { status, reason } = await world.execution.load('multi-agent-task:t');
      return { status, reason };
    };
    return { world, stopping };
  };

  it('fail with each of them, and with no other', async () => {
    const { stopping } = await begun(['a', 'b']);
    expect((await stopping('warden-of-other')).status).toBe('STARTED');
    expect(await stopping('warden-of-t')).toEqual({ status: 'FAILED', reason: 'warden-of-t stopped' });
    const other = await begun(['a', 'b']);
    expect(await other.stopping('b')).toEqual({ status: 'FAILED', reason: 'agent b was stopped' });
  });

  it('fail with a party that ended before they began', async () => {
    const { world } = await begun(['a'], ['warden-of-t']);
    expect((await world.execution.load('multi-agent-task:t')).status).toBe('FAILED');
  });

  it('may have one party fewer than others', async () => {
    const { stopping } = await begun(['free']);
    expect((await stopping('warden-of-t')).status).toBe('STARTED');
    expect((await stopping('free')).status).toBe('FAILED');
  });
});

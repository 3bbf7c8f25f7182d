import { describe, expect, it } from 'vitest';
import { agentDecider } from '../../../../../domain/agent/agent.ts';
import agents from '../../../../../domain/application.ts';
import { taskDecider } from '../../../../../domain/task/task.ts';
import { MachineWorld } from '../../../../support/machine-world.ts';

const { sagas } = agents;

const SAGA = 'multi-agent-task:t-1';

/** A task for two agents, with payload and results of this size, on the machines that AWS runs. */
async function run(bytes: number) {
  const world = new MachineWorld(sagas, { crashes: () => undefined, stubborn: new Map() });
  const text = 'x'.repeat(bytes);
  for (const agentId of ['a', 'b']) {
    const create = { kind: 'create', agentType: 'coder', configuration: {}, createdBy: 'me' } as const;
    await world.command(agentDecider as never, agentId, create as never);
  }
  const request = { kind: 'request', requiredAgents: ['a', 'b'], payload: { text }, deadlineSeconds: 60 };
  await world.command(taskDecider as never, 't-1', request as never);
  await world.settle();
  for (const agentId of ['a', 'b']) {
    const complete = { kind: 'complete', agentId, result: { text }, duration: 1, resources: {} };
    expect(await world.command(taskDecider as never, 't-1', complete as never)).toBe(true);
  }
  await world.settle();
  return world;
}

describe('a task with a large payload and large results', () => {
  // The bus carries the first, and of the second a reference; a state machine would carry neither.
  it.each([300 * 1024, 1_200_000])('of %d bytes each completes', async (bytes) => {
    const world = await run(bytes);
    const { status } = await world.execution.load(SAGA);
    expect(status).toBe('COMPLETED');
    expect([...world.ends.values()]).toEqual(['Completed']);
    const events = await Array.fromAsync(world.store.read('task-t-1'));
    expect(events.filter(({ type }) => type === 'task.completed')).toHaveLength(2);
  });
});

import { ulid } from 'ulid';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { ask, deployedClient } from './client.ts';

const client = deployedClient();
const agents = Array.from({ length: 5 }, () => ulid());

const until = (replayId: string, ...states: string[]) =>
  vi.waitFor(
    async () => {
      const replay = await client.operations.replay(replayId);
      if (replay.state === 'failed') throw new Error(replay.reason);
      expect(states).toContain(replay.state);
      return replay;
    },
    { timeout: 120_000, interval: 1_000 },
  );

beforeAll(async () => {
  for (const agentId of agents) {
    await client.agents.create({ agentId, agentType: 'coder', configuration: {}, createdBy: 'test' });
    await client.agents.recordStep(agentId, { action: 'edit', usage: { tokens: 5 } });
  }
  for (const agentId of agents) await client.agents.get(agentId, { waitFor: 2 });
});

describe('a rebuild on AWS', () => {
  it('is carried out by the state machine, and readers get the new generation', { timeout: 180_000 }, async () => {
    const before = await Promise.all(agents.map((agentId) => client.agents.get(agentId)));
    const { rebuildId } = await client.operations.rebuild('agent-status');
    const [first = ''] = agents;
    await client.agents.recordStep(first, { action: 'meanwhile' });
    const { generation, events, failed } = await until(rebuildId, 'switched');
    expect(generation).toBeGreaterThan(1);
    expect(events).toBeGreaterThanOrEqual(agents.length * 2);
    expect(failed).toBe(0);
    const after = await Promise.all(agents.slice(1).map((agentId) => client.agents.get(agentId)));
    expect(after).toEqual(before.slice(1));
    expect(await client.agents.get(first, { waitFor: 3 })).toMatchObject({ steps: 2, lastAction: 'meanwhile' });
  });
});

describe('a rebuild of shared views on AWS', () => {
  // Other tests add agents meanwhile, so the sum may grow; that it is exact is for test/unit/core/replays/replay.property.test.ts.
  it('adds up to what was there', { timeout: 180_000 }, async () => {
    const total = async () => {
      const view = (await (await ask('GET', '/projections/fleet-overview/all')).json()) as { agents: object };
      return Object.values(view.agents).reduce((sum: number, count: number) => sum + count, 0);
    };
    const before = await total();
    expect(before).toBeGreaterThanOrEqual(agents.length);
    const { rebuildId } = await client.operations.rebuild('fleet-overview');
    expect(await until(rebuildId, 'switched')).toMatchObject({ failed: 0, whole: true });
    expect(await total()).toBeGreaterThanOrEqual(before);
  });
});

describe('a replay on AWS', () => {
  it('of some types is made beside the live views, and given up', { timeout: 180_000 }, async () => {
    const { replayId } = await client.operations.requestReplay({
      projection: 'agent-status',
      types: ['agent.created'],
    });
    const { whole, generation } = await until(replayId, 'ready');
    expect(whole).toBe(false);
    await expect(client.operations.switchToReplay(replayId)).rejects.toMatchObject({ code: 'COMMAND_REJECTED' });
    expect(await client.operations.moveReplay(replayId, 'discard')).toMatchObject({ state: 'discarded', generation });
    expect(await client.agents.get(agents[1] ?? '')).toMatchObject({ steps: 1 });
  });
});

import { describe, expect, it } from 'vitest';
import { LineageError } from '../../../../core/base/errors.ts';
import { Projector } from '../../../../core/projections/projector.ts';
import { viewFold } from '../../../../core/projections/view-fold.ts';
import { stateFold } from '../../../../core/state/fold.ts';
import { historyOf, MAX_PARENTS, parentsOf } from '../../../../core/state/lineage.ts';
import { StateReader } from '../../../../core/state/state-reader.ts';
import { EventStore } from '../../../../core/store/event-store.ts';
import { agentDecider } from '../../../../domain/agent/agent.ts';
import { type AgentStatus, agentStatus } from '../../../../domain/agent/agent-status.ts';
import { MemoryCommitStorage } from '../../../../testing/memory/commit-storage.ts';
import { MemoryViewStore } from '../../../../testing/memory/views.ts';
import { catalogue } from '../../../support/application.ts';

const view = viewFold<AgentStatus>(agentStatus);

function setup() {
  const store = new EventStore(new MemoryCommitStorage(), { catalogue });
  const views = new MemoryViewStore();
  const fork = (agentId: string, parentId: string, atVersion = 1) =>
    store.append(`agent-${agentId}`, [{ type: 'agent.forked', data: { agentId, parentId, atVersion } }], {
      expectedVersion: 0,
    });
  const create = (agentId: string) =>
    store.append(
      `agent-${agentId}`,
      [{ type: 'agent.created', data: { agentId, agentType: 'coder', configuration: {}, createdBy: 'me' } }],
      { expectedVersion: 0 },
    );
  return { store, views, fork, create, states: new StateReader({ store }) };
}

/** An agent, and forks of forks: `a0` was created, `a1` goes on from it, and so on. */
async function line(forks: number) {
  const world = setup();
  await world.create('a0');
  for (let n = 1; n <= forks; n++) await world.fork(`a${n}`, `a${n - 1}`);
  return world;
}

describe('a fork', () => {
  it(`goes on from ${MAX_PARENTS} parents, and from no more`, async () => {
    const { states, store } = await line(MAX_PARENTS + 1);
    const last = `agent-a${MAX_PARENTS}`;
    expect((await states.load(stateFold(agentDecider), last)).state).toEqual({ state: 'created' });
    expect(await parentsOf(store, last)).toBe(MAX_PARENTS);
    expect((await historyOf(store, last))[0]).toEqual({ stream: 'agent-a0', from: 1, to: 1 });
    const over = `agent-a${MAX_PARENTS + 1}`;
    await expect(states.load(stateFold(agentDecider), over)).rejects.toThrow(/more than 32 parents/);
    await expect(parentsOf(store, over)).rejects.toThrow(LineageError);
    await expect(historyOf(store, over)).rejects.toThrow(LineageError);
  });

  it.each([
    ['itself', [['x', 'x']]],
    [
      'a fork of itself',
      [
        ['x', 'y'],
        ['y', 'x'],
      ],
    ],
    [
      'a circle that it is no part of',
      [
        ['x', 'y'],
        ['y', 'z'],
        ['z', 'y'],
      ],
    ],
  ])('of %s cannot be folded, and its stream is parked while others go on', async (_, forks) => {
    const { states, store, views, fork, create } = setup();
    for (const [agentId = '', parentId = ''] of forks) await fork(agentId, parentId);
    await create('good');
    await expect(states.load(view, 'agent-x')).rejects.toThrow(LineageError);
    await expect(states.past(view, 'agent-x', { version: 1 })).rejects.toThrow(/circle/);
    await expect(historyOf(store, 'agent-x')).rejects.toThrow(/circle/);

    const projector = new Projector({ projections: [agentStatus], store, views });
    const commits = [
      ...(await Array.fromAsync(store.commits('agent-x'))),
      ...(await Array.fromAsync(store.commits('agent-good'))),
    ];
    const policy = { attempts: 2, initialDelayMs: 1, maxDelayMs: 1 };
    const settled: unknown[] = [];
    expect(
      await projector.applyOrPark(commits, policy, ({ stream }, result) => settled.push([stream, result])),
    ).toEqual([]);
    expect(settled).toMatchObject([['agent-x', { version: 1 }]]);
    expect((await views.get('agent-status', 1, 'x'))?.parked).toBeDefined();
    expect((await views.get('agent-status', 1, 'good'))?.view).toMatchObject({ agentType: 'coder' });
  });

  it('reads no more of its parents than it goes on from', async () => {
    const { states, store, fork, create } = setup();
    await create('p');
    const move = (newState: 'running' | 'stopped', previousState: 'created' | 'running', expectedVersion: number) =>
      store.append(
        'agent-p',
        [{ type: 'agent.state-changed', data: { agentId: 'p', previousState, newState, reason: '' } }],
        { expectedVersion },
      );
    await move('running', 'created', 1);
    await fork('f', 'p', 2);
    await move('stopped', 'running', 2);
    expect(await states.load(stateFold(agentDecider), 'agent-f')).toEqual({ state: { state: 'running' }, version: 1 });
  });
});

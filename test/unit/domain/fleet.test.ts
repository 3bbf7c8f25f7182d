import { describe, expect, it } from 'vitest';
import type { NewEvent } from '../../../core/events/catalogue.ts';
import { type AnySharedProjection, treeOf } from '../../../core/projections/shared-projection.ts';
import { EventStore } from '../../../core/store/event-store.ts';
import { fleetOverview } from '../../../domain/fleet/fleet-overview.ts';
import { leaderboard } from '../../../domain/fleet/leaderboard.ts';
import { MemoryCommitStorage } from '../../../testing/memory/commit-storage.ts';
import { catalogue } from '../../support/application.ts';
import { foldShared } from '../../support/fold-shared.ts';

/** The views of a shared projection after the histories of some streams. Their events are recorded an hour apart. */
async function views(projection: AnySharedProjection, histories: Record<string, NewEvent[]>) {
  let hour = 0;
  const now = () => new Date(Date.UTC(2026, 0, 31, hour++));
  const store = new EventStore(new MemoryCommitStorage(), { catalogue, now });
  for (const [stream, events] of Object.entries(histories)) await store.append(stream, events, { expectedVersion: 0 });
  const history = async function* () {
    for (const stream of Object.keys(histories)) {
      yield* store.commits(stream);
    }
  };
  const folded = await foldShared(projection, history(), catalogue);
  return Object.fromEntries([...folded].map(([key, counters]) => [key, treeOf(counters)]));
}

const agent = (agentId: string, agentType: string): NewEvent => ({
  type: 'agent.created',
  data: { agentId, agentType, configuration: {}, createdBy: 'ops' },
});
const moved = (agentId: string, newState: 'idle' | 'running'): NewEvent => ({
  type: 'agent.state-changed',
  data: { agentId, previousState: 'created', newState, reason: 'test' },
});
const step = (agentId: string, tokens?: number): NewEvent => ({
  type: 'agent.step-recorded',
  data: { agentId, action: 'read', ...(tokens === undefined ? {} : { usage: { tokens } }) },
});
const task = (taskId: string, requiredAgents: string[]): NewEvent => ({
  type: 'task.requested',
  data: { taskId, requiredAgents, payload: {}, deadlineSeconds: 60 },
});
const completed = (taskId: string, agentId: string, duration = 10): NewEvent => ({
  type: 'task.completed',
  data: { taskId, agentId, result: null, duration, resources: {} },
});
const failed = (taskId: string, agentId: string): NewEvent => ({
  type: 'task.failed',
  data: { taskId, agentId, error: 'no' },
});

describe('fleet-overview', () => {
  it('counts agents by state and type, steps and tokens by type, tasks by outcome, and events by hour', async () => {
    expect(
      await views(fleetOverview, {
        'agent-1': [agent('1', 'coder'), moved('1', 'running'), step('1', 100.4), step('1')],
        'agent-2': [agent('2', 'coder'), moved('2', 'running'), moved('2', 'idle')],
        'agent-3': [agent('3', 'critic/1'), step('3', 7)],
        'task-1': [task('1', ['1', '2']), completed('1', '1'), completed('1', '2')],
        'task-2': [task('2', ['1']), failed('2', '1')],
        'task-3': [task('3', ['1', '2']), completed('3', '1')],
      }),
    ).toEqual({
      all: {
        agents: { running: 1, idle: 1, created: 1 },
        agentsByType: { coder: 2, 'critic/1': 1 },
        stepsByType: { coder: 2, 'critic/1': 1 },
        tokensByType: { coder: 100, 'critic/1': 7 },
        tasks: { completed: 1, failed: 1, requested: 1 },
      },
      '2026-01-31': expect.objectContaining({
        '00': { 'agent.created': 1, 'agent.state-changed': 1, 'agent.step-recorded': 2 },
        '04': { 'task.requested': 1, 'task.failed': 1 },
      }),
    });
  });

  it('counts an event in the hour in which it happened', async () => {
    const at = (timestamp: string): NewEvent => ({ ...step('1'), timestamp });
    const { all: _, ...days } = await views(fleetOverview, {
      'agent-1': [at('2020-02-02T23:30:00-02:00'), at('2020-02-03T01:59:59Z'), at('2020-02-02T00:00:00Z')],
    });
    expect(days).toEqual({
      '2020-02-02': { '00': { 'agent.step-recorded': 1 }, steps: 1 },
      '2020-02-03': { '01': { 'agent.step-recorded': 2 }, steps: 2 },
    });
  });

  it('adds up tokens and cost under their standard names', async () => {
    const used = (usage: Record<string, number>): NewEvent => ({
      type: 'agent.step-recorded',
      data: { agentId: '1', action: 'a', usage },
    });
    const steps = [
      used({
        inputTokens: 100,
        outputTokens: 20,
        cacheReadTokens: 3,
        cacheWriteTokens: 4,
        reasoningTokens: 9,
        costUsd: 0.1,
      }),
      used({ inputTokens: 1, costUsd: 0.2, apiCalls: 50 }),
      used({ tokensSent: 1_000, tokensReceived: 500, cost: 0.0000004 }),
    ];
    const { all } = await views(fleetOverview, { 'agent-1': [agent('1', 'coder'), ...steps] });
    expect(all).toMatchObject({ tokensByType: { coder: 1_628 } });
    expect(treeOf(new Map([['/costUsdByType/coder', 300_000]]), fleetOverview)).toEqual({
      costUsdByType: { coder: 0.3 },
    });
    expect(all).toMatchObject({ costUsdByType: { coder: 300_000 } });
  });

  it('counts a fork as an agent of its parent’s type, with the steps after the fork', async () => {
    const forked = (more: object): NewEvent => ({
      type: 'agent.forked',
      data: { agentId: '2', parentId: '1', atVersion: 2, ...more },
    });
    const { all } = await views(fleetOverview, {
      'agent-1': [agent('1', 'coder'), moved('1', 'running'), step('1', 100)],
      'agent-2': [forked({ agentType: 'coder', state: 'running' }), { ...step('2', 7) }, moved('2', 'idle')],
      'agent-3': [forked({})],
    });
    expect(all).toEqual({
      agents: { running: 1, idle: 1, created: 1 },
      agentsByType: { coder: 2, unknown: 1 },
      stepsByType: { coder: 2 },
      tokensByType: { coder: 107 },
    });
  });

  it('counts the steps of an agent before its creation under its type', async () => {
    const { all } = await views(fleetOverview, { 'agent-1': [step('1', 5), agent('1', '__proto__')] });
    expect(JSON.stringify(all)).toBe(
      '{"agents":{"created":1},"agentsByType":{"__proto__":1},"stepsByType":{"__proto__":1},"tokensByType":{"__proto__":5}}',
    );
  });
});

describe('leaderboard', () => {
  it('counts the answers of each agent over all tasks, and a repeated answer once', async () => {
    expect(
      await views(leaderboard, {
        'task-1': [task('1', ['a', 'b']), completed('1', 'a', 10.6), completed('1', 'a', 99), failed('1', 'b')],
        'task-2': [task('2', ['a']), completed('2', 'a', 5)],
      }),
    ).toEqual({ a: { completed: 2, durationMs: 16 }, b: { failed: 1 } });
  });
});

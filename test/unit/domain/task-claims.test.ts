import { describe, expect, it } from 'vitest';
import { CommandRejectedError, LeaseLostError } from '../../../core/base/errors.ts';
import type { NewEvent } from '../../../core/events/catalogue.ts';
import { commandOf } from '../../../core/sagas/saga.ts';
import { multiAgentTask } from '../../../domain/task/multi-agent-task-saga.ts';
import { taskDecider } from '../../../domain/task/task.ts';
import { type TaskStatus, taskStatus } from '../../../domain/task/task-status.ts';
import { given as givenPart } from '../../../testing/specification/given.ts';
import { specification, view } from '../../support/specification.ts';

const given = specification(taskDecider, 't-1');
const taskId = 't-1';
const deadline = '2026-01-05T09:10:00.000Z';
const until = '2026-01-05T09:01:00.000Z';
const pool = { agentType: 'coder', count: 2, priority: 7, payload: { goal: 'x' }, deadlineSeconds: 600 };
const part = { result: { ok: true }, duration: 10, resources: {} };

const requested = { type: 'task.requested', data: { taskId, ...pool } } as const;
const offered = (slot: string) => ({ type: 'task.offered', data: { taskId, slot, deadline } }) as const;
const claimed = (slot: string, agentId: string, fencing = 1) =>
  ({ type: 'task.claimed', data: { taskId, slot, agentId, fencing, until } }) as const;
const lost = (slot: string, agentId: string, fencing = 1) =>
  ({ type: 'task.claim-lost', data: { taskId, slot, agentId, fencing, reason: 'expired' } }) as const;
const completed = (slot: string, agentId: string, fencing = 1) =>
  ({ type: 'task.completed', data: { taskId, agentId, ...part, slot, fencing } }) as const;
const withdrawn = { type: 'task.withdrawn', data: { taskId, slot: 'slot-1', agentId: 'a', reason: 'late' } } as const;

const claim = (slot: string, agentId: string, fencing = 1, agentType = 'coder') =>
  ({ kind: 'claim', slot, agentId, fencing, until, agentType }) as const;
const lose = (slot: string, agentId: string, fencing = 1) =>
  ({ kind: 'lose', slot, agentId, fencing, reason: 'expired' }) as const;
const complete = (agentId: string, fencing?: number) =>
  ({ kind: 'complete', agentId, ...part, ...(fencing === undefined ? {} : { fencing }) }) as const;

const open = [requested, offered('slot-1'), offered('slot-2')];

describe('a task for agents of a type', () => {
  it('offers numbered parts, and gives each to the agent that claims it first', () => {
    given(requested).when({ kind: 'offer', slot: 'slot-1', deadline }).thenEvents(offered('slot-1'));
    given(...open)
      .when(claim('slot-1', 'a'))
      .thenEvents(claimed('slot-1', 'a'));
    given(...open, claimed('slot-1', 'a'))
      .when(claim('slot-1', 'b'))
      .thenRejected(CommandRejectedError, /does not wait for claim 1/);
    given(...open, claimed('slot-1', 'a'))
      .when(claim('slot-2', 'b'))
      .thenEvents(claimed('slot-2', 'b'));
  });

  it('gives no part to other types, no second part to an agent, and none before its offer', () => {
    given(...open)
      .when(claim('slot-1', 'a', 1, 'tester'))
      .thenRejected(CommandRejectedError, /of type coder/);
    given(...open, claimed('slot-1', 'a'))
      .when(claim('slot-2', 'a'))
      .thenRejected(CommandRejectedError, /needs no second/);
    given(...open, claimed('slot-1', 'a'), completed('slot-1', 'a'))
      .when(claim('slot-2', 'a'))
      .thenRejected(CommandRejectedError, /needs no second/);
    given(...open, claimed('slot-1', 'a'), lost('slot-1', 'a'))
      .when(claim('slot-2', 'a'))
      .thenEvents(claimed('slot-2', 'a'));
    given(requested)
      .when(claim('slot-1', 'a'))
      .thenRejected(CommandRejectedError, /does not wait/);
  });

  it('numbers the claims of a part, and refuses work under an older number', () => {
    const again = [...open, claimed('slot-1', 'a'), lost('slot-1', 'a')];
    given(...again)
      .when(claim('slot-1', 'b', 1))
      .thenRejected(CommandRejectedError, /does not wait for claim 1/);
    given(...again)
      .when(claim('slot-1', 'b', 2))
      .thenEvents(claimed('slot-1', 'b', 2));
    const held = [...again, claimed('slot-1', 'b', 2)];
    given(...held)
      .when(complete('a', 1))
      .thenRejected(LeaseLostError, /holds no part/);
    given(...held)
      .when(complete('b'))
      .thenRejected(LeaseLostError, /without a fencing number/);
    given(...held)
      .when(complete('b', 1))
      .thenRejected(LeaseLostError, /under 1/);
    given(...held)
      .when(complete('b', 2))
      .thenEvents(completed('slot-1', 'b', 2));
    given(...held)
      .when({ kind: 'fail', agentId: 'b', error: 'no', fencing: 2 })
      .thenEvents({ type: 'task.failed', data: { taskId, agentId: 'b', error: 'no', slot: 'slot-1', fencing: 2 } });
  });

  it('loses a claim once, and never one that has its answer', () => {
    given(...open, claimed('slot-1', 'a'))
      .when(lose('slot-1', 'a'))
      .thenEvents(lost('slot-1', 'a'));
    given(...open, claimed('slot-1', 'a'), lost('slot-1', 'a'))
      .when(lose('slot-1', 'a'))
      .thenEvents();
    given(...open, claimed('slot-1', 'a'), completed('slot-1', 'a'))
      .when(lose('slot-1', 'a'))
      .thenEvents();
    given(...open, claimed('slot-1', 'a'), withdrawn)
      .when(lose('slot-1', 'a'))
      .thenEvents();
  });

  it('refuses a claim that was lost before it came', () => {
    given(...open)
      .when(lose('slot-1', 'a'))
      .thenEvents(lost('slot-1', 'a'));
    given(...open, lost('slot-1', 'a'))
      .when(claim('slot-1', 'a'))
      .thenRejected(CommandRejectedError, /does not wait/);
  });

  it('withdraws a part from its holder, and takes an answer after that', () => {
    given(...open, claimed('slot-1', 'a'))
      .when({ kind: 'withdraw', slot: 'slot-1', reason: 'late' })
      .thenEvents(withdrawn);
    given(...open, claimed('slot-1', 'a'), withdrawn)
      .when(complete('a', 1))
      .thenEvents(completed('slot-1', 'a'));
    given(...open, claimed('slot-1', 'a'), withdrawn)
      .when(claim('slot-1', 'b', 2))
      .thenRejected(CommandRejectedError, /does not wait/);
  });
});

describe('a named agent', () => {
  const order = { requiredAgents: ['a', 'b'], payload: {}, deadlineSeconds: 60 };
  const named = { type: 'task.requested', data: { taskId, ...order } } as const;
  const assigned = { type: 'task.assigned', data: { taskId, agentId: 'a', deadline } } as const;

  it('may claim its part, and has to give the number from then on', () => {
    given(named, assigned).when(claim('a', 'a')).thenEvents(claimed('a', 'a'));
    given(named, assigned)
      .when(claim('a', 'b'))
      .thenRejected(CommandRejectedError, /of agent a alone/);
    given(named, assigned, claimed('a', 'a'))
      .when(complete('a'))
      .thenRejected(LeaseLostError, /without/);
    given(named, assigned, claimed('a', 'a')).when(complete('a', 1)).thenEvents(completed('a', 'a'));
    given(named, assigned, claimed('a', 'a'), lost('a', 'a'))
      .when(complete('a', 1))
      .thenRejected(LeaseLostError, /nobody/);
  });
});

describe('the saga of a task for agents of a type', () => {
  it('offers every part, and ends with the agents that completed them', () => {
    const request: NewEvent = { type: 'task.requested', data: { ...requested.data, taskId: '1' } };
    const answer = ({ data }: ReturnType<typeof completed>): NewEvent => ({
      type: 'task.completed',
      data: { ...data, taskId: '1' },
    });
    const command = (kind: 'offer' | 'withdraw', slot: string, more: object) =>
      commandOf(taskDecider, '1', { kind, slot, ...more } as never);
    const begun = givenPart(multiAgentTask, [request]);
    begun.thenSends(['slot-1', 'slot-2'].map((slot) => command('offer', slot, { deadline })));
    const done = begun.when(answer(completed('slot-2', 'a'))).when(answer(completed('slot-1', 'b', 3)));
    done.thenCompleted();
    const place = (sequenceNumber: number) => ({
      answer: { eventId: `task-1-${sequenceNumber}`, streamId: 'task-1', sequenceNumber },
      result: { ok: true },
    });
    done.thenAdds([
      {
        type: 'multi-agent-task.completed',
        data: {
          taskId: '1',
          completedAgents: ['b', 'a'],
          results: [
            { agentId: 'b', ...place(3) },
            { agentId: 'a', ...place(2) },
          ],
        },
      },
    ]);
    const late = begun.when(answer(completed('slot-1', 'a'))).whenTimePasses(600);
    late.thenFailed(/slot-2 did not answer/);
    late.thenSends(
      ['slot-2', 'slot-1'].map((slot) => command('withdraw', slot, { reason: `slot-2 did not answer by ${deadline}` })),
    );
  });

  it('does not end with an agent of the name of a part', () => {
    const request: NewEvent = { type: 'task.requested', data: { ...requested.data, taskId: '1' } };
    const stopped: NewEvent = {
      type: 'agent.state-changed',
      data: { agentId: 'slot-1', previousState: 'running', newState: 'stopped', reason: 'x' },
    };
    givenPart(multiAgentTask, [request])
      .whenPartyHas(stopped, { aggregateType: 'agent', id: 'slot-1' })
      .thenWaitsFor(['slot-1', 'slot-2']);
  });
});

describe('task-status', () => {
  it('shows parts, holders, payload and deadline', () => {
    expect(view(taskStatus, taskId, [...open, claimed('slot-1', 'a'), completed('slot-1', 'a')])).toMatchObject({
      state: 'requested',
      agentType: 'coder',
      priority: 7,
      payload: { goal: 'x' },
      deadline,
      completedAgents: ['a'],
      slots: [
        { slot: 'slot-1', state: 'completed', agentId: 'a', fencing: 1 },
        { slot: 'slot-2', state: 'waiting' },
      ],
    });
    expect(view(taskStatus, taskId, [...open, claimed('slot-1', 'a')])).toMatchObject({
      assignedAgents: ['a'],
      slots: [{ slot: 'slot-1', state: 'claimed', agentId: 'a', claimedAt: expect.any(String) }, {}],
    });
    const after = view(taskStatus, taskId, [...open, claimed('slot-1', 'a'), lost('slot-1', 'a')]);
    expect(after).toMatchObject({ assignedAgents: [] });
    expect((after as TaskStatus).slots?.[0]).toEqual({ slot: 'slot-1', state: 'waiting', fencing: 1 });
  });

  it('is completed when every part is, and failed when a part is withdrawn', () => {
    const both = [...open, claimed('slot-1', 'a'), claimed('slot-2', 'b'), completed('slot-1', 'a')];
    expect(view(taskStatus, taskId, both)).toMatchObject({ state: 'requested' });
    expect(view(taskStatus, taskId, [...both, completed('slot-2', 'b')])).toMatchObject({ state: 'completed' });
    expect(view(taskStatus, taskId, [...open, claimed('slot-1', 'a'), withdrawn])).toMatchObject({
      state: 'failed',
      error: 'late',
      slots: [{ state: 'released', agentId: 'a' }, {}],
    });
  });
});

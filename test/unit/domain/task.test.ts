import { describe, expect, it } from 'vitest';
import { CommandRejectedError, NotFoundError } from '../../../core/base/errors.ts';
import { taskDecider } from '../../../domain/task/task.ts';
import { taskStatus } from '../../../domain/task/task-status.ts';
import { specification, view } from '../../support/specification.ts';

const given = specification(taskDecider, 't-1');
const order = { requiredAgents: ['a', 'b'], payload: { goal: 'x' }, deadlineSeconds: 60 };
const requested = { type: 'task.requested', data: { taskId: 't-1', ...order } } as const;
const part = { result: { ok: true }, duration: 10, resources: {} };
const completed = (agentId: string) => ({ type: 'task.completed', data: { taskId: 't-1', agentId, ...part } }) as const;
const failed = (agentId: string) => ({ type: 'task.failed', data: { taskId: 't-1', agentId, error: 'no' } }) as const;
const complete = (agentId: string) => ({ kind: 'complete', agentId, ...part }) as const;
const fail = (agentId: string) => ({ kind: 'fail', agentId, error: 'no' }) as const;

describe('task', () => {
  it('is requested once', () => {
    given()
      .when({ kind: 'request', ...order })
      .thenEvents(requested);
    given(requested)
      .when({ kind: 'request', ...order })
      .thenRejected(CommandRejectedError, /already/);
  });

  it('accepts one answer from each required agent, and no answer from other agents', () => {
    given()
      .when(complete('a'))
      .thenRejected(NotFoundError, /does not exist/);
    given(requested).when(complete('a')).thenEvents(completed('a'));
    given(requested, completed('a')).when(complete('b')).thenEvents(completed('b'));
    given(requested, completed('a'))
      .when(complete('a'))
      .thenRejected(CommandRejectedError, /a has completed/);
    given(requested, completed('a'))
      .when(fail('a'))
      .thenRejected(CommandRejectedError, /a has completed/);
    given(requested, failed('a'))
      .when(complete('a'))
      .thenRejected(CommandRejectedError, /a has failed/);
    given(requested)
      .when(complete('c'))
      .thenRejected(CommandRejectedError, /does not require agent c/);
  });

  it('records an answer that comes after another agent failed', () => {
    given(requested, failed('a')).when(complete('b')).thenEvents(completed('b'));
  });
});

describe('an assignment', () => {
  const deadline = '2026-01-05T09:01:00.000Z';
  const assigned = { type: 'task.assigned', data: { taskId: 't-1', agentId: 'a', deadline } } as const;
  const released = { type: 'task.released', data: { taskId: 't-1', agentId: 'a', reason: 'b failed' } } as const;

  it('is made once, to a required agent', () => {
    given(requested).when({ kind: 'assign', agentId: 'a', deadline }).thenEvents(assigned);
    given(requested, assigned).when({ kind: 'assign', agentId: 'a', deadline }).thenEvents();
    given(requested)
      .when({ kind: 'assign', agentId: 'c', deadline })
      .thenRejected(CommandRejectedError, /does not require/);
  });

  it('is released once, and not made after its release', () => {
    given(requested, assigned).when({ kind: 'release', agentId: 'a', reason: 'b failed' }).thenEvents(released);
    given(requested).when({ kind: 'release', agentId: 'a', reason: 'b failed' }).thenEvents(released);
    given(requested, assigned, released).when({ kind: 'release', agentId: 'a', reason: 'b failed' }).thenEvents();
    given(requested, released)
      .when({ kind: 'assign', agentId: 'a', deadline })
      .thenRejected(CommandRejectedError, /was released/);
  });

  it('accepts an answer after its release', () => {
    given(requested, assigned, released).when(complete('a')).thenEvents(completed('a'));
  });
});

describe('task-status', () => {
  it('shows the assigned agents, and a released task as failed', () => {
    const assigned = (agentId: string) =>
      ({ type: 'task.assigned', data: { taskId: 't-1', agentId, deadline: '2026-01-05T09:01:00.000Z' } }) as const;
    const released = { type: 'task.released', data: { taskId: 't-1', agentId: 'b', reason: 'b is late' } } as const;
    const working = [requested, assigned('a'), assigned('b'), completed('a')];
    expect(view(taskStatus, 't-1', working)).toMatchObject({ state: 'requested', assignedAgents: ['b'] });
    expect(view(taskStatus, 't-1', [...working, released])).toMatchObject({
      state: 'failed',
      assignedAgents: [],
      error: 'b is late',
    });
  });

  it('is completed when every required agent has completed, in any order and with repeats', () => {
    expect(view(taskStatus, 't-1', [requested, completed('b'), completed('b')])).toMatchObject({ state: 'requested' });
    expect(view(taskStatus, 't-1', [requested, completed('b'), completed('a')])).toMatchObject({
      state: 'completed',
      completedAgents: ['b', 'a'],
      durationMs: 20,
    });
  });

  it('is failed from the first failure on', () => {
    expect(view(taskStatus, 't-1', [requested, failed('a'), completed('b')])).toMatchObject({
      state: 'failed',
      failedAgents: ['a'],
      completedAgents: ['b'],
      error: 'no',
    });
  });
});

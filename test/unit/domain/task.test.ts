import { describe, expect, it } from 'vitest';
import { CommandRejectedError, NotFoundError } from '../../../core/errors.ts';
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

  it('takes one answer from each required agent, and none from others', () => {
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

describe('task-status', () => {
  it('is completed once all have completed, in any order, however often one says so', () => {
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

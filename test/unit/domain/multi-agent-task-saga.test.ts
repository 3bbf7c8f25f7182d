import { describe, expect, it } from 'vitest';
import { CommandRejectedError, NotFoundError } from '../../../core/base/errors.ts';
import type { DomainEvent, NewEvent } from '../../../core/events/catalogue.ts';
import { type SagaInput, sagaDecider } from '../../../core/sagas/decider.ts';
import { sagaIdOf } from '../../../core/sagas/saga.ts';
import { compensable, evolveSaga, initialSaga, nextWake } from '../../../core/sagas/state.ts';
import { multiAgentTask } from '../../../domain/task/multi-agent-task-saga.ts';
import { recorded, specification } from '../../support/specification.ts';

const sagaId = 'multi-agent-task:t-1';
const decider = sagaDecider(multiAgentTask);
const given = specification(decider, sagaId);

const order = { taskId: 't-1', requiredAgents: ['a', 'b', 'c'], payload: { goal: 'x' }, deadlineSeconds: 60 };
const [requested] = recorded('task', 't-1', [{ type: 'task.requested', data: order }]) as [
  DomainEvent<'task.requested'>,
];
const ref = (sequenceNumber: number) => ({ eventId: `t-${sequenceNumber}`, streamId: 'task-t-1', sequenceNumber });
const input = { taskId: 't-1', requiredAgents: ['a', 'b', 'c'], deadlineSeconds: 60 };

const begun: NewEvent[] = [
  {
    type: 'saga.started',
    data: { sagaId, sagaType: 'multi-agent-task', startedBy: { ...ref(1), eventId: 'e-1' }, input },
  },
  {
    type: 'saga.step-started',
    data: { sagaId, step: 'assign', items: ['a', 'b', 'c'], attempt: 1, deadline: '2026-01-05T09:01:00.000Z' },
  },
];
const done = (item: string, n: number): NewEvent => ({
  type: 'saga.step-completed',
  data: { sagaId, step: 'assign', item, answer: ref(n), output: { result: item } },
});
const completes = (item: string, n: number): SagaInput => ({
  kind: 'complete',
  item,
  answer: ref(n),
  output: { result: item },
});
const broke = (item: string, n: number): NewEvent => ({
  type: 'saga.step-failed',
  data: { sagaId, step: 'assign', item, attempt: 1, cause: 'answer', reason: 'no', answer: ref(n) },
});
const compensating: NewEvent = {
  type: 'saga.compensating',
  data: { sagaId, reason: 'no', cancelled: false },
};
const undone = (item: string): NewEvent => ({
  type: 'saga.step-compensated',
  data: { sagaId, step: 'assign', item },
});
const ignored = (item: string, n: number): NewEvent => ({
  type: 'saga.answer-ignored',
  data: { sagaId, item, answer: ref(n) },
});
const ended: NewEvent[] = [
  { type: 'multi-agent-task.failed', data: { taskId: 't-1', reason: 'no', completedAgents: [] } },
  { type: 'saga.failed', data: { sagaId, reason: 'no' } },
];
const stateAfter = (...events: NewEvent[]) => events.reduce(evolveSaga, initialSaga);

describe('the multi-agent task saga', () => {
  it('has one id per task, also when the id of the task has the maximum length', () => {
    expect(sagaIdOf(multiAgentTask, 't-1')).toBe(sagaId);
    expect(sagaIdOf(multiAgentTask, 'x'.repeat(128)).length).toBeLessThanOrEqual(128);
  });

  it('starts with its task and assigns all agents at once; a second start changes nothing', () => {
    given()
      .when({ kind: 'start', event: requested })
      .thenEvents(...begun);
    given(...begun)
      .when({ kind: 'start', event: requested })
      .thenEvents();
  });

  it('accepts completions in any order, and completes with the last completion', () => {
    given(...begun)
      .when(completes('c', 2))
      .thenEvents(done('c', 2));
    given(...begun, done('c', 2), done('a', 3))
      .when(completes('b', 4))
      .thenEvents(
        done('b', 4),
        {
          type: 'multi-agent-task.completed',
          data: {
            taskId: 't-1',
            completedAgents: ['a', 'b', 'c'],
            results: [
              { agentId: 'a', answer: ref(3), result: 'a' },
              { agentId: 'b', answer: ref(4), result: 'b' },
              { agentId: 'c', answer: ref(2), result: 'c' },
            ],
          },
        },
        { type: 'saga.completed', data: { sagaId } },
      );
  });

  it('records a late answer once without effect, and ignores repeated answers', () => {
    given(...begun, done('a', 2))
      .when(completes('a', 3))
      .thenEvents();
    given(...begun, broke('b', 2), compensating)
      .when(completes('a', 3))
      .thenEvents(ignored('a', 3));
    given(...begun, broke('b', 2), compensating, ignored('a', 3))
      .when(completes('a', 4))
      .thenEvents();
    given(...begun, broke('a', 2), compensating, undone('c'), undone('b'), ...ended)
      .when(completes('c', 9))
      .thenEvents(ignored('c', 9));
    given(...begun, broke('a', 2), compensating)
      .when(completes('a', 9))
      .thenEvents();
    given(...begun)
      .when(completes('nobody', 3))
      .thenEvents();
  });

  it('compensates when an agent fails, stops, or is refused', () => {
    given(...begun, done('a', 2))
      .when({ kind: 'fail', item: 'b', answer: ref(3), reason: 'no' })
      .thenEvents(broke('b', 3), compensating);
    const lost = { cause: 'party', reason: 'no', answer: ref(3) } as const;
    given(...begun)
      .when({ kind: 'lose', item: 'b', answer: ref(3), reason: 'no' })
      .thenEvents(
        { type: 'saga.step-failed', data: { sagaId, step: 'assign', item: 'b', attempt: 1, ...lost } },
        compensating,
      );
    given(...begun)
      .when({ kind: 'refuse', step: 'assign', item: 'b', reason: 'no' })
      .thenEvents(
        {
          type: 'saga.step-failed',
          data: { sagaId, step: 'assign', item: 'b', attempt: 1, cause: 'refused', reason: 'no' },
        },
        compensating,
      );
  });

  it('compensates at the deadline, and not before', () => {
    const early = { now: '2026-01-05T09:00:59.999Z', id: sagaId };
    const state = stateAfter(...begun, done('a', 2), done('b', 3));
    expect(nextWake(state)).toBe('2026-01-05T09:01:00.000Z');
    expect(decider.decide(state, { kind: 'tick' }, early)).toEqual([]);
    const events = decider.decide(state, { kind: 'tick' }, { now: '2026-01-05T09:01:00.000Z', id: sagaId });
    expect(events.map(({ type }) => type)).toEqual(['saga.step-failed', 'saga.compensating']);
    expect(events[0]?.data).toMatchObject({ item: 'c', cause: 'deadline' });
  });

  it('compensates completed and unanswered items in reverse order, and no failed items', () => {
    const turned = stateAfter(...begun, done('a', 2), broke('b', 3), compensating);
    expect(compensable(turned).map(({ item }) => item)).toEqual(['c', 'a']);
    const expired: NewEvent = {
      type: 'saga.step-failed',
      data: { sagaId, step: 'assign', item: 'b', attempt: 1, cause: 'deadline', reason: 'late' },
    };
    const late = stateAfter(...begun, done('a', 2), expired, compensating);
    expect(compensable(late).map(({ item }) => item)).toEqual(['c', 'b', 'a']);
    given(...begun, done('a', 2), broke('b', 3), compensating)
      .when({ kind: 'undone', step: 'assign', item: 'a' })
      .thenEvents(); // not its turn
    given(...begun, done('a', 2), broke('b', 3), compensating)
      .when({ kind: 'undone', step: 'assign', item: 'c' })
      .thenEvents(undone('c'));
  });

  it('fails when all items are compensated', () => {
    const failed: NewEvent = {
      type: 'multi-agent-task.failed',
      data: { taskId: 't-1', reason: 'no', completedAgents: ['a'] },
    };
    given(...begun, done('a', 2), broke('b', 3), compensating, undone('c'))
      .when({ kind: 'undone', step: 'assign', item: 'a' })
      .thenEvents(undone('a'), failed, { type: 'saga.failed', data: { sagaId, reason: 'no' } });
  });

  it('is parked when a compensation cannot succeed, and resumed by an operator', () => {
    const turned = [...begun, done('a', 2), broke('b', 3), compensating];
    const parked = { type: 'saga.parked', data: { sagaId, step: 'assign', item: 'c', reason: 'broken' } } as const;
    const park = { kind: 'park', step: 'assign', item: 'c', reason: 'broken' } as const;
    given(...turned)
      .when(park)
      .thenEvents(parked);
    given(...turned, parked)
      .when(park)
      .thenEvents();
    given(...turned, parked)
      .when({ kind: 'resume' })
      .thenEvents({ type: 'saga.resumed', data: { sagaId } });
    given(...turned)
      .when({ kind: 'resume' })
      .thenRejected(CommandRejectedError, /not parked/);
    given(...turned, parked)
      .when({ kind: 'undone', step: 'assign', item: 'c' })
      .thenEvents(undone('c'));
  });

  it('can be cancelled while it runs, but not after it completed', () => {
    const cancelled = { type: 'saga.compensating', data: { sagaId, reason: 'enough', cancelled: true } } as const;
    given(...begun)
      .when({ kind: 'cancel', reason: 'enough' })
      .thenEvents(cancelled);
    given(...begun, cancelled)
      .when({ kind: 'cancel', reason: 'enough' })
      .thenEvents();
    given(...begun, done('a', 2), done('b', 3), done('c', 4), { type: 'saga.completed', data: { sagaId } })
      .when({ kind: 'cancel', reason: 'enough' })
      .thenRejected(CommandRejectedError, /has completed/);
    given()
      .when({ kind: 'cancel', reason: 'enough' })
      .thenRejected(NotFoundError, /no saga/);
  });
});

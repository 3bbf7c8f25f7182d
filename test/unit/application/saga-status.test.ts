import { expect, it } from 'vitest';
import { sagaStatus } from '../../../application/saga-status.ts';
import type { NewEvent } from '../../../core/events/catalogue.ts';
import { view } from '../../support/specification.ts';

const sagaId = 'multi-agent-task:t-1';
const answer = { eventId: 'e', streamId: 'task-t-1', sequenceNumber: 1 };
const begun: NewEvent[] = [
  { type: 'saga.started', data: { sagaId, sagaType: 'multi-agent-task', startedBy: answer, input: {} } },
  {
    type: 'saga.step-started',
    data: { sagaId, step: 'assign', items: ['a', 'b'], attempt: 1, deadline: '2026-01-05T09:01:00.000Z' },
  },
  { type: 'saga.step-completed', data: { sagaId, step: 'assign', item: 'a', answer } },
];
const turned: NewEvent = { type: 'saga.compensating', data: { sagaId, reason: 'b is late', cancelled: false } };
const parked: NewEvent = { type: 'saga.parked', data: { sagaId, step: 'assign', item: 'b', reason: 'broken' } };
const undone = (item: string): NewEvent => ({ type: 'saga.step-compensated', data: { sagaId, step: 'assign', item } });

it('saga-status shows the state of a saga, and the parked item', () => {
  const status = (...events: NewEvent[]) => view(sagaStatus, sagaId, [...begun, ...events]);
  expect(status()).toMatchObject({ state: 'STARTED', sagaType: 'multi-agent-task', items: 2, completed: 1 });
  expect(status({ type: 'saga.completed', data: { sagaId } })).toMatchObject({ state: 'COMPLETED' });
  expect(status(turned)).toMatchObject({ state: 'COMPENSATING', reason: 'b is late' });
  expect(status(turned, parked)).toMatchObject({ state: 'PARKED', parked: { item: 'b', reason: 'broken' } });
  const resumed = status(turned, parked, { type: 'saga.resumed', data: { sagaId } }, undone('b'), undone('a'));
  expect(resumed).toMatchObject({ state: 'COMPENSATING', compensated: 2 });
  expect(resumed).not.toHaveProperty('parked');
  expect(status(turned, undone('b'), { type: 'saga.failed', data: { sagaId, reason: 'b is late' } })).toMatchObject({
    state: 'FAILED',
    compensated: 1,
  });
});

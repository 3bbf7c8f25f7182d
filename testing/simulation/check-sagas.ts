import type { DomainEvent } from '../../core/events/catalogue.ts';
import { compensable, evolveSaga, initialSaga } from '../../core/sagas/state.ts';
import { same } from './check-views.ts';

/** The end of a saga. A parked saga waits for an operator. */
export type SagaEnd = 'COMPLETED' | 'FAILED' | 'PARKED';

/**
 * Checks the whole history of a saga: it started once and ended once. A completed saga has done every item and undone
 * none. A failed saga has undone each item that needs it once, the last one first.
 * @throws Error that names the fault
 */
export function endOfSaga(sagaId: string, events: readonly DomainEvent[]): SagaEnd {
  const saga = events.reduce(evolveSaga, initialSaga);
  const count = (type: string) => events.filter((event) => event.type === type).length;
  const undone = events.flatMap(({ type, data }) => (type === 'saga.step-compensated' ? [data.item] : []));
  same(`the number of starts of saga ${sagaId}`, count('saga.started'), 1);
  if (saga.parked) {
    same(`the status of parked saga ${sagaId}`, saga.status, 'COMPENSATING');
    same(`the number of ends of parked saga ${sagaId}`, count('saga.completed') + count('saga.failed'), 0);
  } else if (saga.status !== 'COMPLETED' && saga.status !== 'FAILED') {
    const items = saga.runs.map(({ step, item, state, attempt }) => `${step}/${item} ${state} in attempt ${attempt}`);
    throw new Error(`saga ${sagaId} has not ended: it is ${saga.status}; ${items.slice(-5).join(', ')}`);
  } else {
    same(`the number of ends of saga ${sagaId}`, count('saga.completed') + count('saga.failed'), 1);
  }
  same(
    `the number of turns to compensation of saga ${sagaId}`,
    count('saga.compensating'),
    saga.status === 'COMPLETED' ? 0 : 1,
  );
  if (saga.status === 'COMPLETED') {
    same(`the items of completed saga ${sagaId}`, saga.runs.filter(({ state }) => state !== 'completed').length, 0);
    return 'COMPLETED';
  }
  const begun = saga.runs.map(({ item }) => item);
  same(`the undone items of saga ${sagaId}`, undone, begun.filter((item) => undone.includes(item)).toReversed());
  if (saga.parked) return 'PARKED';
  same(`the items that saga ${sagaId} has to undo`, compensable(saga).length, 0);
  return 'FAILED';
}

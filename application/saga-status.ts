import type { DomainEvent, EventData } from '../core/events/catalogue.ts';
import { defineProjection } from '../core/projections/projection.ts';
import { firstSeen, seen, type Times } from '../core/projections/times.ts';

/** The status in the history of the saga, and `PARKED` for a compensating saga that needs an operator. */
type SagaSituation = 'STARTED' | 'COMPENSATING' | 'PARKED' | 'COMPLETED' | 'FAILED';

/** The short state of a saga. Its history has the details. */
export interface SagaStatusView extends Times {
  readonly sagaId: string;
  readonly sagaType: string;
  readonly state: SagaSituation;
  /** Items begun, completed and compensated. */
  readonly items: number;
  readonly completed: number;
  readonly compensated: number;
  /** Why it compensates, or failed. */
  readonly reason?: string;
  /** The item that a parked saga could not undo. */
  readonly parked?: Pick<EventData<'saga.parked'>, 'step' | 'item' | 'reason'>;
}

const types = [
  'saga.started',
  'saga.step-started',
  'saga.step-completed',
  'saga.compensating',
  'saga.step-compensated',
  'saga.parked',
  'saga.resumed',
  'saga.completed',
  'saga.failed',
] as const;

/** The projection of all sagas; every application has it. */
export const sagaStatus = defineProjection({
  name: 'saga-status',
  aggregateType: 'saga',
  types,
  group: {
    of: (view: SagaStatusView) => view.state,
    values: ['PARKED', 'COMPENSATING', 'STARTED', 'FAILED', 'COMPLETED'],
  },
  evolve,
});

function evolve(view: SagaStatusView | undefined, event: DomainEvent<(typeof types)[number]>): SagaStatusView {
  const base: SagaStatusView = view ?? {
    sagaId: event.aggregateId,
    sagaType: 'unknown',
    state: 'STARTED',
    items: 0,
    completed: 0,
    compensated: 0,
    ...firstSeen(event),
  };
  const current = { ...base, ...seen(base, event) };
  const { parked: _, ...now } = current;
  switch (event.type) {
    case 'saga.started':
      return { ...now, sagaType: event.data.sagaType };
    case 'saga.step-started':
      return event.data.attempt === 1 ? { ...now, items: now.items + event.data.items.length } : now;
    case 'saga.step-completed':
      return { ...now, completed: now.completed + 1 };
    case 'saga.compensating':
      return { ...now, state: 'COMPENSATING', reason: event.data.reason };
    case 'saga.step-compensated':
      return { ...current, compensated: now.compensated + 1 };
    case 'saga.parked': {
      const { step, item, reason } = event.data;
      return { ...now, state: 'PARKED', parked: { step, item, reason } };
    }
    case 'saga.resumed':
      return { ...now, state: 'COMPENSATING' };
    case 'saga.completed':
      return { ...now, state: 'COMPLETED' };
    case 'saga.failed':
      return { ...now, state: 'FAILED' };
  }
}

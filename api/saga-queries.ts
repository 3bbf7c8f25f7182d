import * as z from 'zod';
import { NotFoundError } from '../core/errors.ts';
import type { EventStore } from '../core/event-store.ts';
import { evolveSaga, initialSaga, type SagaEvent, type SagaRun } from '../core/saga-state.ts';
import { streamId } from '../core/stream-id.ts';
import type { DomainEvent } from '../events/catalogue.ts';
import { id } from '../events/envelope.ts';
import { route } from './route.ts';
import { saga } from './saga-schemas.ts';

export const sagaQueries = [
  route({
    name: 'getSaga',
    method: 'GET',
    path: '/sagas/{sagaId}',
    summary: 'Where a saga stands: its state, its steps, its whole history',
    description: 'Read from its history, so never behind.',
    params: z.object({ sagaId: id }),
    answer: saga,
    statuses: { 200: 'The saga' },
    errors: ['NOT_FOUND', 'CORRUPT_DATA'],
    async handle({ params: { sagaId } }, { store }: { store: EventStore }) {
      const history = await Array.fromAsync(store.read(streamId('saga', sagaId)));
      const { status, sagaType, runs, reason, parked } = (history as DomainEvent<SagaEvent>[]).reduce(
        evolveSaga,
        initialSaga,
      );
      if (status === 'NONE') throw new NotFoundError(`there is no saga ${sagaId}`);
      const explanation = { ...(reason === undefined ? {} : { reason }), ...(parked ? { parked } : {}) };
      const steps = runs.map(stepOf);
      return {
        status: 200,
        body: { sagaId, sagaType, state: status, version: history.length, ...explanation, steps, history },
      };
    },
  }),
];

const stepOf = ({ step, item, state, attempt, deadline, reason }: SagaRun) => ({
  step,
  item,
  state,
  attempt,
  deadline,
  ...(reason === undefined ? {} : { reason }),
});

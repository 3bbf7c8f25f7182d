import * as z from 'zod';
import { sagaStatus } from '../../application/saga-status.ts';
import { NotFoundError } from '../../core/base/errors.ts';
import { streamId } from '../../core/base/stream-id.ts';
import type { Catalogue } from '../../core/events/catalogue.ts';
import { id } from '../../core/events/envelope.ts';
import { type AnySaga, declarationOf } from '../../core/sagas/saga.ts';
import { evolveSaga, initialSaga, type SagaRun } from '../../core/sagas/state.ts';
import type { EventStore } from '../../core/store/event-store.ts';
import { route } from '../http/route.ts';
import { listRoute } from '../views/view-routes.ts';
import { sagaAnswer, sagaSituation, sagasPage } from './saga-answers.ts';

/** The routes that read sagas. */
export const sagaQueries = (catalogue: Catalogue, sagas: readonly AnySaga[]) => [
  listRoute(sagaStatus, {
    name: 'listSagas',
    path: '/sagas',
    summary: 'List sagas, by state or type; parked sagas come first',
    description: 'The list may be a moment behind.',
    state: sagaSituation,
    filters: {
      sagaType: { value: z.string().min(1).max(64), passes: (view, type) => view.sagaType === type },
    },
    answer: sagasPage,
    done: 'A page of sagas',
  }),
  route({
    name: 'getSaga',
    method: 'GET',
    path: '/sagas/{sagaId}',
    summary: 'A saga: its state, its steps, its whole history',
    description: 'Read from its history, so never behind.',
    params: z.object({ sagaId: id }),
    answer: sagaAnswer(catalogue),
    statuses: { 200: 'The saga' },
    errors: ['NOT_FOUND', 'CORRUPT_DATA'],
    async handle({ params: { sagaId } }, { store }: { store: EventStore }) {
      const history = await Array.fromAsync(store.read(streamId('saga', sagaId)));
      const { status, sagaType, runs, reason, parked } = history.reduce(evolveSaga, initialSaga);
      if (status === 'NONE') throw new NotFoundError(`there is no saga ${sagaId}`);
      const explanation = { ...(reason === undefined ? {} : { reason }), ...(parked ? { parked } : {}) };
      const steps = runs.map((run) => ({ ...toStep(run), ...gateOf(sagas, sagaId, run) }));
      return {
        status: 200,
        body: { sagaId, sagaType, state: status, version: history.length, ...explanation, steps, history },
      };
    },
  }),
];

const toStep = ({ step, item, state, attempt, deadline, reason }: SagaRun) => ({
  step,
  item,
  state,
  attempt,
  deadline,
  ...(reason === undefined ? {} : { reason }),
});

/** The approval or the signal that an item waits for. */
function gateOf(sagas: readonly AnySaga[], sagaId: string, { step, item }: SagaRun) {
  const declared = declarationOf(sagas, sagaId)?.steps.find(({ name }) => name === step);
  const approvalId = declared?.approval?.(sagaId, item);
  const signal = declared?.signal?.name;
  return { ...(approvalId === undefined ? {} : { approvalId }), ...(signal === undefined ? {} : { signal }) };
}

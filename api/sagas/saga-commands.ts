import * as z from 'zod';
import { NotFoundError } from '../../core/base/errors.ts';
import { id } from '../../core/events/envelope.ts';
import { json } from '../../core/events/json.ts';
import { signalName } from '../../core/events/saga.ts';
import { linkedSaga } from '../../core/sagas/causes.ts';
import type { SagaInput } from '../../core/sagas/decider.ts';
import { type AnySaga, declarationOf } from '../../core/sagas/saga.ts';
import { handleCommand } from '../../core/state/decider.ts';
import { appendOptions, type CommandDeps, repeatHeader } from '../http/command.ts';
import { type RequestContext, type Route, route } from '../http/route.ts';
import { sagaState } from './saga-state.ts';

/** The body of a request to cancel a saga. */
export const cancelSagaBody = z.strictObject({ reason: z.string().min(1).max(1024) });

/** The answer to a command of a saga. */
export const sagaAnswer = z.strictObject({ sagaId: id, state: sagaState, version: z.int().positive() });

const params = z.object({ sagaId: id });

async function run(
  sagas: readonly AnySaga[],
  sagaId: string,
  input: SagaInput,
  context: RequestContext,
  deps: CommandDeps,
) {
  const declaration = declarationOf(sagas, sagaId);
  if (!declaration) throw new NotFoundError(`there is no saga ${sagaId}`);
  const options = appendOptions(context, deps);
  const { state, version, repeated } = await handleCommand(deps.store, linkedSaga(declaration), sagaId, input, options);
  if (state.status === 'NONE') throw new NotFoundError(`there is no saga ${sagaId}`);
  return { status: 202 as const, body: { sagaId, state: state.status, version }, headers: repeatHeader(repeated) };
}

/** The routes by which operators cancel and resume sagas. */
export const sagaCommands = (sagas: readonly AnySaga[]): readonly Route<CommandDeps>[] => [
  route({
    name: 'cancelSaga',
    method: 'POST',
    path: '/sagas/{sagaId}/cancel',
    summary: 'Cancel a saga',
    description: 'The saga undoes its work, the last item first. A compensating or failed saga stays unchanged.',
    params,
    body: cancelSagaBody,
    answer: sagaAnswer,
    statuses: { 202: 'Accepted: the saga compensates' },
    errors: ['NOT_FOUND', 'COMMAND_REJECTED', 'CONCURRENCY_CONFLICT'],
    handle: ({ params: { sagaId }, body: { reason }, context }, deps: CommandDeps) =>
      run(sagas, sagaId, { kind: 'cancel', reason }, context, deps),
  }),
  route({
    name: 'resumeSaga',
    method: 'POST',
    path: '/sagas/{sagaId}/resume',
    summary: 'Resume a parked saga',
    description: 'For operators, after they have repaired the cause.',
    params,
    body: z.strictObject({}),
    answer: sagaAnswer,
    statuses: { 202: 'Accepted: the saga continues to compensate' },
    errors: ['NOT_FOUND', 'COMMAND_REJECTED', 'CONCURRENCY_CONFLICT'],
    handle: ({ params: { sagaId }, context }, deps: CommandDeps) =>
      run(sagas, sagaId, { kind: 'resume' }, context, deps),
  }),
];

/** The body of a signal. */
export const signalBody = z.strictObject({ payload: json.optional().describe('What the step takes; at most 64 KiB') });

/** The route by which people and other systems send signals. */
export const sagaSignals = (sagas: readonly AnySaga[]): readonly Route<CommandDeps>[] => [
  route({
    name: 'signalSaga',
    method: 'POST',
    path: '/sagas/{sagaId}/signals/{name}',
    summary: 'Send a signal to a saga',
    description:
      'A step of the saga waits for it, or will: a signal that comes early is kept. A saga takes one signal of each name; the same payload again changes nothing, another is refused.',
    params: z.object({ sagaId: id, name: signalName }),
    body: signalBody,
    answer: sagaAnswer,
    statuses: { 202: 'Accepted: the saga has the signal' },
    errors: ['NOT_FOUND', 'COMMAND_REJECTED', 'CONCURRENCY_CONFLICT'],
    handle: ({ params: { sagaId, name }, body: { payload }, context }, deps: CommandDeps) =>
      run(sagas, sagaId, { kind: 'signal', name, payload }, context, deps),
  }),
];

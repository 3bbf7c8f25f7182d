import * as z from 'zod';
import { id } from '../../events/envelope.ts';
import type { SagaCallbacks } from './callbacks.ts';

/**
 * A call of a saga's state machine; lib/sagas/saga-machine.ts writes these. The member `task` names
 * the call: deployed machines write it so. Never log a request: `ask` has a token.
 */
export const machineRequest = z.discriminatedUnion('task', [
  z.object({ task: z.literal('round'), sagaId: id }),
  z.object({ task: z.literal('ask'), sagaId: id, item: id, token: z.string() }),
  z.object({
    task: z.literal('turn'),
    sagaId: id,
    item: id.optional().describe('The item that got no answer in time'),
    error: z.object({ Error: z.string() }),
  }),
  z.object({ task: z.literal('undo'), sagaId: id }),
  z.object({ task: z.literal('park'), sagaId: id, error: z.object({ Error: z.string() }) }),
]);

type MachineRequest = z.output<typeof machineRequest>;

/** Answers a call of a saga's state machine. @throws the errors of the call */
export async function answerMachine(sagas: SagaCallbacks, request: MachineRequest): Promise<unknown> {
  const { sagaId } = request;
  switch (request.task) {
    case 'round':
      return sagas.round(sagaId);
    case 'ask':
      return sagas.ask(sagaId, request.item, request.token);
    case 'turn':
      return sagas.turn(sagaId, request.error.Error, request.item);
    case 'undo':
      return sagas.undo(sagaId);
    case 'park':
      return sagas.park(sagaId, request.error.Error);
  }
}

import * as z from 'zod';
import { id } from '../../events/envelope.ts';
import type { SagaCallbacks } from './callbacks.ts';

/** What a state machine asks for; lib/sagas/saga-machine.ts writes these. Never log a request: `ask` has a token. */
export const machineRequest = z.discriminatedUnion('task', [
  z.object({ task: z.literal('round'), sagaId: id }),
  z.object({ task: z.literal('ask'), sagaId: id, item: id, token: z.string() }),
  z.object({ task: z.literal('turn'), sagaId: id, error: z.object({ Error: z.string() }) }),
  z.object({ task: z.literal('undo'), sagaId: id }),
  z.object({ task: z.literal('park'), sagaId: id, error: z.object({ Error: z.string() }) }),
]);

type MachineRequest = z.output<typeof machineRequest>;

/** Does one task for the state machine of a saga. @throws what the call throws */
export async function answerMachine(sagas: SagaCallbacks, asked: MachineRequest): Promise<unknown> {
  const { sagaId } = asked;
  switch (asked.task) {
    case 'round':
      return sagas.round(sagaId);
    case 'ask':
      return sagas.ask(sagaId, asked.item, asked.token);
    case 'turn':
      return sagas.turn(sagaId, asked.error.Error);
    case 'undo':
      return sagas.undo(sagaId);
    case 'park':
      return sagas.park(sagaId, asked.error.Error);
  }
}

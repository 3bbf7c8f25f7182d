import { ExecutionAlreadyExists, type SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import type { Replay } from '../../../core/replays/replay.ts';
import { reaching } from '../clients/service-error.ts';
import { statePayload } from './payload.ts';

/**
 * Starts the state machine of replays. An execution is named after what it is for, so that starting it twice is starting
 * it once: for 90 days the same name is the same execution.
 */
export function replayStarter(client: SFNClient, stateMachineArn: string) {
  return async ({ replayId, state, runs }: Replay): Promise<void> => {
    const name = `${replayId}-${state}-${runs}`;
    const start = new StartExecutionCommand({ stateMachineArn, name, input: statePayload({ replayId }) });
    try {
      await reaching('Step Functions', () => client.send(start));
    } catch (error) {
      if (!(error instanceof ExecutionAlreadyExists)) throw error;
    }
  };
}

import { ExecutionAlreadyExists, type SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import type { Replay } from '../../../core/replays/replay.ts';
import { callService } from '../clients/service-error.ts';
import { statePayload } from './payload.ts';

/**
 * Starts the state machine of replays. An execution is named after the replay, its state and its run. Step Functions takes
 * a name once in 90 days, so a second start does nothing.
 */
export function replayStarter(client: SFNClient, stateMachineArn: string) {
  return async ({ replayId, state, runs }: Replay): Promise<void> => {
    const name = `${replayId}-${state}-${runs}`;
    const start = new StartExecutionCommand({ stateMachineArn, name, input: statePayload({ replayId }) });
    try {
      await callService('Step Functions', () => client.send(start));
    } catch (error) {
      if (!(error instanceof ExecutionAlreadyExists)) throw error;
    }
  };
}

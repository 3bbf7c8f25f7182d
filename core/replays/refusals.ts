import { CommandRejectedError } from '../base/errors.ts';
import type { Replay } from './replay.ts';

/** Another replay already makes a generation beside the live generation. */
export class PlaceTakenError extends CommandRejectedError {
  override get name(): string {
    return 'PlaceTakenError';
  }
  readonly replayId: string;

  constructor(
    projection: string,
    { generation, replayId }: { readonly generation: number; readonly replayId: string },
  ) {
    super(
      `projection ${projection} has generation ${generation} beside the live generation, from replay ${replayId}; wait for that replay, or discard it`,
    );
    this.replayId = replayId;
  }
}

/** The error for a wish that the state of a replay does not allow. */
export const refused = ({ replayId, state }: Pick<Replay, 'replayId' | 'state'>, wish: string) =>
  new CommandRejectedError(`replay ${replayId} is ${state}, so it cannot be ${wish}`);

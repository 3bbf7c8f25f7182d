import { CommandRejectedError } from '../base/errors.ts';
import type { Replay } from './replay.ts';

/** Another replay builds the generation beside the live one. */
export class PlaceTakenError extends CommandRejectedError {
  readonly replayId: string;

  constructor(
    projection: string,
    { generation, replayId }: { readonly generation: number; readonly replayId: string },
  ) {
    super(
      `projection ${projection} has generation ${generation} beside the live one, of replay ${replayId}; wait for it, or discard it`,
    );
    this.replayId = replayId;
  }
}

export const refused = ({ replayId, state }: Pick<Replay, 'replayId' | 'state'>, wish: string) =>
  new CommandRejectedError(`replay ${replayId} is ${state}, so it cannot be ${wish}`);

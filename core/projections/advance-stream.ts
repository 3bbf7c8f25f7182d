import { UnavailableError } from '../base/errors.ts';
import type { CheckpointKey, Checkpoints, FoldProgress } from './checkpoints.ts';
import type { Failure, Parked } from './parked.ts';
import type { StoredView } from './projection.ts';

export interface AdvanceOptions {
  readonly place: CheckpointKey;
  readonly stored: StoredView;
  /** One commit and no more, because all of them together could not be written. */
  readonly single: boolean;
  /** The mark that the stream is to have. `more` says that its head is not reached yet. */
  readonly mark: (failure: Failure | undefined, more: boolean) => Parked | undefined;
}

export interface Advanced {
  readonly version: number;
  /** The head is not reached: the same has to be done again. */
  readonly more: boolean;
  readonly failure?: Failure | undefined;
  readonly parked?: Parked | undefined;
}

/**
 * Folds what comes after a checkpoint and writes it with the mark that follows. A commit whose result cannot be written
 * counts as one that cannot be applied.
 * @returns `moved` when somebody else wrote the checkpoint meanwhile; `too much` when it has to be tried commit by commit
 * @throws UnavailableError; nothing is known to be written
 */
export async function advanceStream(
  checkpoints: Checkpoints,
  { place, stored, single, mark }: AdvanceOptions,
): Promise<Advanced | 'moved' | 'too much'> {
  const progress = await (single ? checkpoints.foldNext(place, stored) : checkpoints.foldToHead(place, stored));
  const { failure, version } = progress;
  const more = !failure && (progress.more || (single && version > stored.version));
  const parked = mark(failure, more);
  const isSame = version === stored.version && !parked && !stored.parked;
  try {
    if (!isSame && !(await checkpoints.write(place, stored, progress, parked))) return 'moved';
    return { version, more, failure, parked };
  } catch (error) {
    if (error instanceof UnavailableError) throw error;
    if (!single) return 'too much';
    return parkUnwritable(checkpoints, { place, stored, single, mark }, progress, error);
  }
}

async function parkUnwritable(
  checkpoints: Checkpoints,
  { place, stored, mark }: AdvanceOptions,
  { failure: unapplied }: FoldProgress,
  error: unknown,
): Promise<Advanced | 'moved'> {
  const failure = unapplied ?? {
    version: stored.version + 1,
    event: await checkpoints.nextEvent(place, stored),
    error,
  };
  const parked = mark(failure, false);
  if (parked && !(await checkpoints.mark(stored, parked))) return 'moved';
  return { version: stored.version, more: false, failure, parked };
}

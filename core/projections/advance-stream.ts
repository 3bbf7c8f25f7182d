import { UnavailableError } from '../base/errors.ts';
import { untilSettled } from '../base/races.ts';
import type { StreamVersion } from '../base/versions.ts';
import type { CheckpointKey, Checkpoints } from './checkpoints.ts';
import { type Failure, isParked, type Parked } from './parked.ts';
import type { StoredView } from './projection.ts';
import type { FoldProgress } from './stream-fold.ts';

interface StepOptions {
  readonly place: CheckpointKey;
  readonly stored: StoredView;
  /** One commit and no more, because all of them together could not be written. */
  readonly single: boolean;
  /** The mark that the stream is to have. */
  readonly mark: (failure: Failure | undefined, more: boolean) => Parked | undefined;
}

interface Step {
  readonly version: StreamVersion;
  /** The head is not reached: there is another step to take. */
  readonly more: boolean;
  readonly failure?: Failure | undefined;
  readonly parked?: Parked | undefined;
}

export interface AdvanceOptions {
  /** The mark that the stream is to have, given the one that it has. `more` says that its head is not reached yet. */
  readonly mark: (failure: Failure | undefined, stored: StoredView, more: boolean) => Parked | undefined;
  /** Called when deliveries pass the stream by. @returns true when that is the end of it, false to look again */
  readonly whenParked: (stored: StoredView & { readonly parked: Parked }) => boolean | Promise<boolean>;
}

export interface AdvanceResult {
  /** Number of the last event in the view before and after. */
  readonly from: number;
  readonly to: number;
  /** What the stream stopped at. */
  readonly failure?: Failure | undefined;
  readonly parked?: Parked | undefined;
}

/**
 * Brings a stream from its checkpoint to its head, or to the event that fails, with the mark that follows: reads, folds
 * and writes, and looks again when somebody else was faster.
 * @throws UnavailableError; a repeat goes on
 */
export async function advanceToHead(
  checkpoints: Checkpoints,
  place: CheckpointKey,
  { mark, whenParked }: AdvanceOptions,
): Promise<AdvanceResult> {
  let from: number | undefined;
  let single = false;
  return untilSettled(async () => {
    const stored = await checkpoints.read(place);
    from ??= stored.version;
    if (isParked(stored)) return (await whenParked(stored)) && { from, to: stored.version, parked: stored.parked };
    const step = await takeStep(checkpoints, {
      place,
      stored,
      single,
      mark: (failure, more) => mark(failure, stored, more),
    });
    if (step === 'too much') single = true;
    if (step === 'too much' || step === 'moved' || step.more) return undefined;
    return { from, to: step.version, failure: step.failure, parked: step.parked };
  });
}

/**
 * Folds what comes after a checkpoint and writes it with the mark that follows. A commit whose result cannot be written
 * counts as one that cannot be applied.
 * @returns `moved` when somebody else wrote the checkpoint meanwhile; `too much` when it has to be tried commit by commit
 * @throws UnavailableError; nothing is known to be written
 */
async function takeStep(
  checkpoints: Checkpoints,
  { place, stored, single, mark }: StepOptions,
): Promise<Step | 'moved' | 'too much'> {
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
  { place, stored, mark }: StepOptions,
  { failure: unapplied }: FoldProgress,
  error: unknown,
): Promise<Step | 'moved'> {
  const failure = unapplied ?? {
    version: stored.version + 1,
    event: await checkpoints.nextEvent(place, stored),
    error,
  };
  const parked = mark(failure, false);
  if (parked && !(await checkpoints.mark(stored, parked))) return 'moved';
  return { version: stored.version, more: false, failure, parked };
}

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
  /** Whether to take a single commit, because all of them together could not be written. */
  readonly single: boolean;
  /** The new mark of the stream. */
  readonly mark: (failure: Failure | undefined, more: boolean) => Parked | undefined;
}

interface Step {
  readonly version: StreamVersion;
  /** Whether the head is not reached, so that another step follows. */
  readonly more: boolean;
  readonly failure?: Failure | undefined;
  readonly parked?: Parked | undefined;
}

/** The decisions of a caller of {@link advanceToHead}. */
export interface AdvanceOptions {
  /** The new mark of the stream, from its present mark. `more` means that the head is not reached yet. */
  readonly mark: (failure: Failure | undefined, stored: StoredView, more: boolean) => Parked | undefined;
  /** Called for a parked stream. @returns true to stop, false to read the stream again */
  readonly whenParked: (stored: StoredView & { readonly parked: Parked }) => boolean | Promise<boolean>;
}

/** The result of {@link advanceToHead}. */
export interface AdvanceResult {
  /** Number of the last event in the view before and after. */
  readonly from: number;
  readonly to: number;
  /** The failure at which the stream stopped. */
  readonly failure?: Failure | undefined;
  readonly parked?: Parked | undefined;
}

/**
 * Brings a stream from its checkpoint to its head, or to the failing event, and sets its mark: reads, folds and writes,
 * and starts over when another writer was faster.
 * @throws UnavailableError; a repeat continues
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
 * Folds the commits after a checkpoint and writes the result with the mark. A commit whose result cannot be written
 * counts as a commit that cannot be applied.
 * @returns `moved` when another writer changed the checkpoint meanwhile; `too much` when single commits must be tried
 * @throws UnavailableError; the write may have happened
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

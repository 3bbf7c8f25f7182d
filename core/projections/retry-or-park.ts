import { UnavailableError } from '../base/errors.ts';
import { untilSettled } from '../base/races.ts';
import { type RetryPolicy, withRetry } from '../base/retry.ts';
import { advanceToHead } from './advance-stream.ts';
import type { CheckpointKey, Checkpoints } from './checkpoints.ts';
import { type Attempt, attemptOf, isParked, type Parked, parkedAt } from './parked.ts';

/**
 * Tries a stream of a projection again after its first failure, each time from its checkpoint to its head, and parks it
 * after the last attempt.
 * @param error the error of the first attempt
 * @returns the mark; undefined when an attempt succeeded
 * @throws the error that prevented the write of the mark, UnavailableError above all; the commits must come again
 */
export async function retryOrPark(
  checkpoints: Checkpoints,
  place: CheckpointKey,
  error: unknown,
  policy: RetryPolicy,
  now: () => Date,
): Promise<Parked | undefined> {
  const attempts: Attempt[] = [];
  const attempt = async () => {
    if (attempts.length === 0) throw error;
    await untilSettled(() => catchUp(checkpoints, place));
  };
  try {
    await withRetry(policy, () =>
      attempt().catch((reason) => {
        attempts.push(attemptOf(reason, now()));
        throw reason;
      }),
    );
    return undefined;
  } catch (last) {
    if (last instanceof UnavailableError) throw last;
    return park(checkpoints, place, attempts);
  }
}

/** @returns false when it must be repeated: the checkpoint had changed, or not all commits fit in one transaction */
async function catchUp(checkpoints: Checkpoints, place: CheckpointKey): Promise<boolean> {
  const stored = await checkpoints.read(place);
  if (isParked(stored)) return true;
  const { failure, ...folded } = await checkpoints.foldToHead(place, stored);
  if (failure) throw failure.error;
  if (folded.version === stored.version) return true;
  return (await checkpoints.write(place, stored, folded, stored.parked)) && !folded.more;
}

/** Applies the commits before the failing event, and parks the stream there. Later events wait in the store. */
async function park(
  checkpoints: Checkpoints,
  place: CheckpointKey,
  attempts: readonly Attempt[],
): Promise<Parked | undefined> {
  const { failure, parked } = await advanceToHead(checkpoints, place, {
    mark: (failure, stored) => (failure ? parkedAt(failure, attempts, stored.parked) : stored.parked),
    whenParked: () => true,
  });
  return failure || (parked && !parked.redriving) ? parked : undefined;
}

import { UnavailableError } from '../base/errors.ts';
import { type RetryPolicy, withRetry } from '../base/retry.ts';
import type { CheckpointKey, Checkpoints } from './checkpoints.ts';
import { type Attempt, attemptOf, isParked, type Parked, parkedAt } from './parked.ts';

/**
 * Tries a stream of a projection again that failed once, each time from its checkpoint to its head, and parks it when the
 * attempts are used up.
 * @param error what the first attempt threw
 * @returns the mark that it got, undefined when an attempt succeeded
 * @throws UnavailableError when storage could not be reached at last: no fault of the events, so they have to come again
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
    while (!(await catchUp(checkpoints, place))) {
      // Another worker moved the checkpoint meanwhile: look again.
    }
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

/** @returns false when the checkpoint had moved */
async function catchUp(checkpoints: Checkpoints, place: CheckpointKey): Promise<boolean> {
  const stored = await checkpoints.read(place);
  if (isParked(stored)) return true;
  const { failure, ...folded } = await checkpoints.foldToHead(place, stored);
  if (failure) throw failure.error;
  return folded.version === stored.version || checkpoints.write(place, stored, folded, stored.parked);
}

/** Applies what can be applied, and parks the stream at the event that fails. Later ones wait; the store has them. */
async function park(
  checkpoints: Checkpoints,
  place: CheckpointKey,
  attempts: readonly Attempt[],
): Promise<Parked | undefined> {
  for (;;) {
    const stored = await checkpoints.read(place);
    if (isParked(stored)) return stored.parked;
    const { failure, ...folded } = await checkpoints.foldToHead(place, stored);
    if (!failure && folded.version === stored.version) return undefined;
    const parked = failure ? parkedAt(failure, attempts, stored.parked) : stored.parked;
    if (await checkpoints.write(place, stored, folded, parked)) return failure && parked;
  }
}

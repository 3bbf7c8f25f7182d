import { advanceToHead } from './advance-stream.ts';
import type { CheckpointKey, Checkpoints } from './checkpoints.ts';
import { attemptOf, type Parked, parkedAt } from './parked.ts';
import type { FoldProgress } from './stream-fold.ts';

/** How far a stream came, or would come, when it is tried again. */
export interface RedriveResult {
  /** Number of the last event in the view before. */
  readonly from: number;
  /** The same after. */
  readonly to: number;
  /** The mark that it has afterwards; absent when it is no dead letter any more. */
  readonly parked?: Parked;
}

/** What a redrive would lead to now. Writes nothing. @throws UnavailableError */
export async function previewRedrive(
  checkpoints: Checkpoints,
  place: CheckpointKey,
  now: Date,
): Promise<RedriveResult> {
  const stored = await checkpoints.read(place);
  let reached: FoldProgress = { ...stored, increments: new Map(), more: true };
  while (reached.more) {
    const { view, version } = reached;
    reached = await checkpoints.foldToHead(place, { ...stored, view, version });
  }
  const { failure, version } = reached;
  const parked = failure && parkedAt(failure, [attemptOf(failure.error, now)], stored.parked);
  return { from: stored.version, to: version, ...(parked ? { parked } : {}) };
}

/**
 * Tries a parked stream again, in order, from the event that failed to the stream's head; it is parked again where it
 * fails. A stream that is not parked is brought up to date.
 *
 * Deliveries that come meanwhile are applied, not passed by, from the moment that the mark says so; what was passed by
 * until then is in the store when its head is read afterwards. So nothing falls between the two.
 * @throws UnavailableError; the mark is still there, a repeat goes on
 */
export async function redrive(checkpoints: Checkpoints, place: CheckpointKey, now: Date): Promise<RedriveResult> {
  const { from, to, parked } = await advanceToHead(checkpoints, place, {
    mark: (failure, { parked }, more) => {
      if (failure) return parkedAt(failure, [attemptOf(failure.error, now)], parked);
      return more ? parked : undefined;
    },
    whenParked: async (stored) => {
      await checkpoints.mark(stored, { ...stored.parked, redriving: true });
      return false;
    },
  });
  return { from, to, ...(parked ? { parked } : {}) };
}

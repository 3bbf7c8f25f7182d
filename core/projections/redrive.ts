import { advanceToHead } from './advance-stream.ts';
import type { CheckpointKey, Checkpoints } from './checkpoints.ts';
import { attemptOf, type Parked, parkedAt } from './parked.ts';
import type { FoldProgress } from './stream-fold.ts';

/** The result, or the expected result, of a redrive. */
export interface RedriveResult {
  /** Number of the last event in the view before the redrive. */
  readonly from: number;
  /** Number of the last event in the view after the redrive. */
  readonly to: number;
  /** The new mark; absent when the stream is no longer a dead letter. */
  readonly parked?: Parked;
}

/** The expected result of a redrive, without a write. @throws UnavailableError */
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
 * Tries a parked stream again, in order, from the failing event to the stream's head. Where it fails, it is parked
 * again. A stream that is not parked is brought to its head.
 *
 * The redrive first changes the mark, so that deliveries are applied and not skipped. Then it reads the stream to its
 * head, which includes the commits that were skipped before. So no commit is missed.
 * @throws UnavailableError; the mark stays, and a repeat continues
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

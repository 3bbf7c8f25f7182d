import { type ClaimCheck, LargeCommitStorage } from '../store/claim-check.ts';
import type { CommitStorage } from '../store/commit-storage.ts';
import { meteredStorage } from './metered.ts';
import type { Metrics } from './metrics.ts';
import { tracedStorage } from './traced.ts';
import type { Tracer } from './tracer.ts';

/** The parts that {@link decoratedStorage} puts around a storage. */
export interface StorageDecorations {
  readonly claims: ClaimCheck;
  readonly metrics: Metrics;
  /** Absent when the storage's client traces its calls. */
  readonly tracer?: Tracer | undefined;
}

/**
 * Puts claim check, traces and metrics around a storage, in the right order for every host. The claim check is
 * innermost, so that traces and metrics include the time of a large body. Metrics are outermost, so that they count the
 * outcome that the caller gets.
 */
export function decoratedStorage(
  storage: CommitStorage,
  { claims, metrics, tracer }: StorageDecorations,
): CommitStorage {
  const large = new LargeCommitStorage(storage, claims);
  return meteredStorage(tracer ? tracedStorage(large, tracer) : large, metrics);
}

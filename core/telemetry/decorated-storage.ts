import { type ClaimCheck, LargeCommitStorage } from '../store/claim-check.ts';
import type { CommitStorage } from '../store/commit-storage.ts';
import { meteredStorage } from './metered.ts';
import type { Metrics } from './metrics.ts';
import { tracedStorage } from './traced.ts';
import type { Tracer } from './tracer.ts';

export interface StorageDecorations {
  readonly claims: ClaimCheck;
  readonly metrics: Metrics;
  /** Absent when the storage's client traces its calls itself. */
  readonly tracer?: Tracer | undefined;
}

/**
 * Puts everything around a storage that each host has around it, in the one order that is right. The claim check is
 * innermost, so that traces and metrics include the time that a large body takes; metrics are outermost, so that they
 * count what the caller sees.
 */
export function decoratedStorage(
  storage: CommitStorage,
  { claims, metrics, tracer }: StorageDecorations,
): CommitStorage {
  const large = new LargeCommitStorage(storage, claims);
  return meteredStorage(tracer ? tracedStorage(large, tracer) : large, metrics);
}

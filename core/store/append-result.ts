import { IdempotencyKeyReusedError } from '../base/errors.ts';
import type { StreamVersion } from '../base/versions.ts';
import { type Commit, endOf, eventIdsOf } from './commit.ts';

export interface AppendResult {
  readonly streamId: string;
  readonly fromVersion: StreamVersion;
  readonly toVersion: StreamVersion;
  readonly eventIds: readonly string[];
  readonly recordedAt: string;
  /** True for a repeat of an earlier commit with the same commit id. */
  readonly repeated: boolean;
}

/**
 * The answer of the earlier append, for a repeat with the same key.
 * @param digest of the request; commits of older versions have none, and are taken for the same
 * @throws IdempotencyKeyReusedError when the commit is of another request
 */
export function repeatOf(earlier: Commit, digest: string | undefined): AppendResult {
  assertSameRequest(earlier, digest);
  if (earlier.count === 0) throw new IdempotencyKeyReusedError(); // an append always writes
  return resultOf(earlier, true);
}

/** @throws IdempotencyKeyReusedError when a commit is of another request under the same key */
export function assertSameRequest({ digest: known }: Commit, digest: string | undefined): void {
  if (known !== undefined && digest !== undefined && known !== digest) throw new IdempotencyKeyReusedError();
}

/** The answer to the append of a commit. */
export function resultOf(
  commit: Commit,
  repeated: boolean,
  eventIds: readonly string[] = eventIdsOf(commit),
): AppendResult {
  return {
    streamId: commit.stream,
    fromVersion: commit.version,
    toVersion: endOf(commit),
    eventIds,
    recordedAt: commit.recordedAt,
    repeated,
  };
}

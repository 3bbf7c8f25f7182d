import type { Commit } from './commit.ts';

/** Which commits of a stream to read: all that hold an event numbered `from` to `to`, both included. */
export interface CommitRange {
  readonly from: number;
  readonly to: number;
  readonly direction: 'forward' | 'backward';
  /** A hint of how many events will be taken, so that an adapter need not fetch more. */
  readonly limit?: number;
  /** A hint that `from` is where a commit starts, so that none before it need be looked for. Forward only. */
  readonly startsCommit?: boolean;
}

/**
 * The port to whatever keeps the commits. Four calls, all strongly consistent; the semantics of an append
 * (expected versions, idempotency, limits) are {@link EventStore}'s and the same over every adapter.
 *
 * Every call throws UnavailableError when the storage cannot be reached.
 */
export interface CommitStorage {
  /** Most bytes of a body that `put` takes; MAX_COMMIT_BYTES when absent. */
  readonly maxBytes?: number;

  /**
   * Writes a commit if its place is free: nothing is stored at (`stream`, `version`).
   * @returns undefined when it was written, else the commit that has the place
   */
  put(commit: Commit): Promise<Commit | undefined>;

  /** Sequence number of the stream's last event, 0 when it has none. */
  head(stream: string): Promise<number>;

  /** The commit of a stream that a caller wrote under this commit id, if there is one. Looks at keyed commits only. */
  find(stream: string, commitId: string): Promise<Commit | undefined>;

  /** The commits of a range, in its direction, fetched as they are taken. A commit that straddles an end is included whole. */
  read(stream: string, range: CommitRange): AsyncIterable<Commit>;
}

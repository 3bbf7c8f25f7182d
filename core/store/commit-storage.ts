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
 * The port to whatever keeps the commits. All calls are strongly consistent; the semantics of an append
 * (expected versions, idempotency, limits) are {@link EventStore}'s and the same over every adapter.
 *
 * Every call throws UnavailableError when the storage cannot be reached.
 */
export interface CommitStorage {
  /** Most bytes of a body that `put` takes; MAX_COMMIT_BYTES when absent. */
  readonly maxBytes?: number;

  /**
   * Writes a commit if its place is free: nothing is stored at (`stream`, `version`).
   * Notes the ids of events that callers gave, in the same transaction.
   * @param given the ids that callers gave to events inside, each with its sequence number
   * @returns undefined when it was written, else the commit that has the place
   * @throws EventIdTakenError when the stream has events of these ids; nothing was written
   * @throws IdempotencyKeyReusedError when another stream has the key for another request, where that can be seen at no cost
   */
  put(commit: Commit, given?: ReadonlyMap<string, number>): Promise<Commit | undefined>;

  /**
   * Keeps a note that a keyed request changed nothing, so that `find` finds it: a commit of 0 events that no other call
   * shows. Another note under the key stays as it is.
   * @param expiresAt when the note may be forgotten
   * @throws IdempotencyKeyReusedError as `put` does
   */
  note(unchanged: Commit, expiresAt: Date): Promise<void>;

  /** Sequence number of the stream's last event, 0 when it has none. */
  head(stream: string): Promise<number>;

  /** The commit of a stream that a caller wrote under this commit id, if there is one, or the note of it. Looks at keyed commits only. */
  find(stream: string, commitId: string): Promise<Commit | undefined>;

  /** The commits of a range, in its direction, fetched as they are taken. A commit that straddles an end is included whole. */
  read(stream: string, range: CommitRange): AsyncIterable<Commit>;
}

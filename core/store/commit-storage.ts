import type { StreamVersion } from '../base/versions.ts';
import type { Commit } from './commit.ts';
import type { CommitPlace } from './commit-scan.ts';
import type { Tagging, TagPlace } from './tags.ts';

/** The range of a read: all commits with an event numbered `from` to `to`, both included. */
export interface CommitRange {
  readonly from: number;
  readonly to: number;
  readonly direction: 'forward' | 'backward';
  /** A hint for adapters: the number of events that the reader takes. */
  readonly limit?: number;
  /** A hint for adapters: a commit starts at `from`. Forward only. */
  readonly startsCommit?: boolean;
}

/** A commit to write. */
export interface Put {
  readonly commit: Commit;
  /** The ids that callers gave to events inside, each with its sequence number. */
  readonly given: ReadonlyMap<string, number>;
}

/** Writes and conditions that hold together: all or none. Every item is of another place. */
export interface Change {
  readonly puts: readonly Put[];
  /** Places that no commit may have. */
  readonly free: readonly CommitPlace[];
  readonly entries: readonly Tagging[];
  /** Numbers that no entry of the tag may have. */
  readonly freeTags: readonly TagPlace[];
  /** Makes the change findable by the key of its request. */
  readonly mark?: TransactionMark | undefined;
}

/** What is kept of a transaction under the key of its request. */
export interface TransactionMark {
  /** The key. */
  readonly id: string;
  /** The digest of the request; 16 bytes in base64url. */
  readonly digest?: string | undefined;
  readonly recordedAt: string;
  /** Its commits, in the order of its appends. */
  readonly commits: readonly CommitPlace[];
}

/** What stands in the way of a change: at its own places, and at those that have to be free. At least one. */
export interface Obstacles {
  readonly commits: readonly Commit[];
  readonly entries: readonly Tagging[];
  readonly mark?: TransactionMark | undefined;
}

/**
 * The port to the storage of commits. All calls are strongly consistent; the semantics of an append (expected versions,
 * idempotency, limits) are {@link EventStore}'s and the same over every adapter.
 *
 * Every call throws UnavailableError when the storage cannot be reached.
 */
export interface CommitStorage {
  /** Most bytes of a body that `put` takes; MAX_COMMIT_BYTES when absent. */
  readonly maxBytes?: number;

  /**
   * Writes a commit if no commit has its place (`stream`, `version`). The same transaction records the given ids of
   * events.
   * @param given the ids that callers gave to events inside, each with its sequence number
   * @returns undefined when it was written, else the commit at the place
   * @throws EventIdTakenError when the stream has events of these ids; nothing was written
   * @throws IdempotencyKeyReusedError when another stream has the key for another request, where that can be seen at no
   * cost
   */
  put(commit: Commit, given?: ReadonlyMap<string, number>): Promise<Commit | undefined>;

  /**
   * Keeps a note that a keyed request changed nothing, so that `find` finds it: a commit of 0 events that no other call
   * shows. Another note under the key stays as it is.
   * @param expiresAt when the note may be forgotten
   * @throws IdempotencyKeyReusedError as `put` does
   */
  note(unchanged: Commit, expiresAt: Date): Promise<void>;

  /** Sequence number of the stream's last event, 0 without events. */
  head(stream: string): Promise<StreamVersion>;

  /** The commit of a stream that a caller wrote under this commit id, if there is one, or the note of it. Looks at keyed commits only. */
  find(stream: string, commitId: string): Promise<Commit | undefined>;

  /** The commits of a range, in its direction, fetched on demand. A commit that straddles an end is included whole. */
  read(stream: string, range: CommitRange): AsyncIterable<Commit>;

  /**
   * Writes a change whole, or nothing of it.
   * @returns undefined when it was written, else obstacles; at least one of those that there are
   * @throws EventIdTakenError when a stream has events of these ids; nothing was written
   * @throws IdempotencyKeyReusedError as `put` does
   * @throws PayloadTooLargeError when the change has more bytes than a storage takes at once
   */
  transact(change: Change): Promise<Obstacles | undefined>;

  /** The mark of the transaction with this key. */
  findMark(id: string): Promise<TransactionMark | undefined>;

  /** Number of the tag's last entry, 0 without entries. */
  tagHead(tag: string): Promise<number>;

  /** The entries of a tag after a number, in order, fetched on demand. */
  tagged(tag: string, after: number): AsyncIterable<Tagging>;
}

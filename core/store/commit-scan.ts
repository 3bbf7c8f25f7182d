import type { Commit } from './commit.ts';

/** The place of a commit. */
export type CommitPlace = Pick<Commit, 'stream' | 'version'>;

/** A stored commit, or the reason why it is unreadable. */
export type ScannedCommit = { readonly commit: Commit } | { readonly place: CommitPlace; readonly damage: string };

/** The port to all commits of a store, for verification. Every call throws UnavailableError. */
export interface CommitScan {
  /**
   * Every commit as it is stored, with a claim where the body is in an object. The commits of a stream come together
   * and in their order; the order of the streams is the store's, and stays the same. A commit may be left out for a
   * moment after its append.
   * @param after continues after this commit
   */
  scan(after?: CommitPlace): AsyncIterable<ScannedCommit>;
}

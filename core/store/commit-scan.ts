import type { Commit } from './commit.ts';

/** Where a commit is. */
export type CommitPlace = Pick<Commit, 'stream' | 'version'>;

/** A commit as it is stored, or why it cannot be read. */
export type ScannedCommit = { readonly commit: Commit } | { readonly place: CommitPlace; readonly damage: string };

/** The port to all commits of a store, for those who check the whole of it. Throws UnavailableError as all of them. */
export interface CommitScan {
  /**
   * Every commit as it is stored, with a claim where the body is in an object. The commits of a stream come together and
   * in their order; the order of the streams is the store's, and stays the same. A commit may be left out for a moment
   * after its append.
   * @param after goes on behind this commit
   */
  scan(after?: CommitPlace): AsyncIterable<ScannedCommit>;
}

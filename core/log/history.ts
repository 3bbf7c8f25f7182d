import { CorruptDataError, LostHistoryError } from '../base/errors.ts';
import { type Commit, endOf, identityOf } from '../store/commit.ts';
import type { CommitStorage } from '../store/commit-storage.ts';
import { commitsOf, type LogPage } from './page.ts';

/** The commits to which the log must belong. */
export type LoggedHistory = Pick<CommitStorage, 'read'>;

/** Commits that are looked up. A single missing commit is no sign of a lost history. */
const LOOKS = 3;

/**
 * Checks that the end of a log belongs to the same history as the events. It does not when the events were restored to
 * an earlier moment than the log. Usually one read, at most three.
 * @param last the last page of a partition
 * @throws LostHistoryError when the events have none of the last commits of the page
 * @throws UnavailableError
 */
export async function assertOfHistory(last: LogPage, history: LoggedHistory): Promise<void> {
  const newest = logged(last).slice(-LOOKS).toReversed();
  for (const commit of newest) if (await isIn(history, commit)) return;
  const [lost] = newest;
  if (lost) throw new LostHistoryError(last.partition, lost.stream, endOf(lost));
}

/** A damaged commit is no sign of another history. */
async function isIn(history: LoggedHistory, logged: Commit): Promise<boolean> {
  const { stream, version } = logged;
  const range = { from: version, to: version, direction: 'forward', startsCommit: true, limit: 1 } as const;
  try {
    for await (const commit of history.read(stream, range)) return identityOf(commit) === identityOf(logged);
    return false;
  } catch (error) {
    if (error instanceof CorruptDataError) return true;
    throw error;
  }
}

function logged(page: LogPage): Commit[] {
  try {
    return commitsOf(page);
  } catch (error) {
    if (error instanceof CorruptDataError) return [];
    throw error;
  }
}

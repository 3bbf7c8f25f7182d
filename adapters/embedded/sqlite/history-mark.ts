import type { DatabaseSync } from 'node:sqlite';
import { identityOf } from '../../../core/store/commit.ts';
import type { SqliteCommitStorage } from './commit-storage.ts';
import { guarded } from './error.ts';

/** The newest commit that may be in the views. */
export interface HistoryMark {
  readonly position: number;
  /** See {@link identityOf}. */
  readonly identity: string;
}

/**
 * Shows whether views and events belong together: a mark with the newest commit that may be in the views. The mark is
 * stored with the views, and raised before the projector applies a commit. Events that were restored from an older backup
 * lack the marked commit, or have another commit at its position.
 */
export class SqliteHistoryMark {
  readonly #statements: ReturnType<typeof prepareStatements>;

  constructor(views: DatabaseSync) {
    this.#statements = prepareStatements(views);
  }

  /** The mark; undefined in new views and in views of earlier versions of Annals. @throws UnavailableError */
  get(): HistoryMark | undefined {
    return guarded(() => this.#statements.get.get()) as HistoryMark | undefined; // the table is STRICT
  }

  /** Raises the mark to the newest commit of the store. @throws UnavailableError */
  raise(commits: SqliteCommitStorage): void {
    const newest = commits.markAt();
    if (newest) guarded(() => this.#statements.raise.run(newest.position, newest.identity));
  }

  /** Whether the events have the marked commit; true when there is no mark. @throws UnavailableError */
  isIn(commits: SqliteCommitStorage): boolean {
    const mark = this.get();
    return mark === undefined || commits.markAt(mark.position)?.identity === mark.identity;
  }
}

function prepareStatements(views: DatabaseSync) {
  return {
    get: views.prepare('SELECT position, identity FROM history'),
    raise: views.prepare(
      `INSERT INTO history (id, position, identity) VALUES (0, ?, ?)
       ON CONFLICT DO UPDATE SET position = excluded.position, identity = excluded.identity
       WHERE excluded.position > position`,
    ),
  };
}

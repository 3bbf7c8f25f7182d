import type { DatabaseSync } from 'node:sqlite';
import { CorruptDataError, UnavailableError } from '../../../core/base/errors.ts';
import { type Commit, endOf, identityOf } from '../../../core/store/commit.ts';
import type { CommitPlace, CommitScan, ScannedCommit } from '../../../core/store/commit-scan.ts';
import type {
  Change,
  CommitRange,
  CommitStorage,
  Obstacles,
  TransactionMark,
} from '../../../core/store/commit-storage.ts';
import type { Tagging } from '../../../core/store/tags.ts';
import { SqliteChanges } from './commit-changes.ts';
import { readCommitRow, readMarkRow, readNoteRow, readTagRow } from './commit-row.ts';
import { prepareCommitStatements } from './commit-statements.ts';
import { guarded, portError } from './error.ts';
import { takeRows } from './rows.ts';
import { transaction } from './transaction.ts';

/** A commit with its position in the order of all commits. Positions count from 1. */
export interface PositionedCommit {
  readonly position: number;
  readonly commit: Commit;
}

interface PendingChange {
  readonly change: Change;
  readonly resolve: (obstacles: Obstacles | undefined) => void;
  readonly reject: (error: unknown) => void;
}

interface Outcome {
  readonly stored: boolean;
  readonly settle: () => void;
}

const NO_BODY = { commitId: '', keyed: false, recordedAt: '', types: [], body: new Uint8Array() };

/** Most commits that a read holds in memory at once. Large commits make the page smaller. */
const PAGE = 100;

/**
 * Commits in SQLite. Changes of the same turn of the event loop share a transaction, and so a single wait for the disk; each
 * change has a separate result. SQLite has a single writer, so commits become visible in the order of their positions.
 */
export class SqliteCommitStorage implements CommitStorage, CommitScan {
  readonly #database: DatabaseSync;
  readonly #statements: ReturnType<typeof prepareCommitStatements>;
  readonly #changes: SqliteChanges;
  readonly #listeners = new Set<() => void>();
  #pending: PendingChange[] = [];
  #closed = false;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#statements = prepareCommitStatements(database);
    this.#changes = new SqliteChanges(database, this.#statements);
  }

  async put(commit: Commit, given: ReadonlyMap<string, number> = new Map()): Promise<Commit | undefined> {
    const obstacles = await this.transact({ puts: [{ commit, given }], free: [], entries: [], freeTags: [] });
    return obstacles?.commits[0];
  }

  transact(change: Change): Promise<Obstacles | undefined> {
    if (this.#closed) return Promise.reject(new UnavailableError('the server is stopping; repeat the request later'));
    return new Promise((resolve, reject) => {
      if (this.#pending.push({ change, resolve, reject }) === 1) setImmediate(() => this.#flush());
    });
  }

  async findMark(id: string): Promise<TransactionMark | undefined> {
    const row = guarded(() => this.#statements.findMark.get(id));
    return row && readMarkRow(row);
  }

  async tagHead(tag: string): Promise<number> {
    return Number(guarded(() => this.#statements.tagHead.get(tag))?.['head'] ?? 0);
  }

  async *tagged(tag: string, after: number): AsyncGenerator<Tagging> {
    for (let last = after; ; ) {
      const entries = guarded(() => this.#statements.tagged.all(tag, last, PAGE)).map(readTagRow);
      yield* entries;
      if (entries.length < PAGE) return;
      last = entries.at(-1)?.number ?? last;
    }
  }

  async head(stream: string): Promise<number> {
    const row = guarded(() => this.#statements.head.get(stream));
    return Number(row?.['head'] ?? 0);
  }

  async find(stream: string, commitId: string): Promise<Commit | undefined> {
    return guarded(() => {
      const row = this.#statements.find.get(stream, commitId);
      const note = row ? undefined : this.#statements.findNote.get(stream, commitId);
      return row ? readCommitRow(row) : note && readNoteRow(note);
    });
  }

  async note(unchanged: Commit, expiresAt: Date): Promise<void> {
    const { stream, commitId, version, digest = null, recordedAt } = unchanged;
    guarded(() => {
      this.#changes.assertKeyFree(unchanged);
      this.#statements.removeExpired.run(recordedAt);
      this.#statements.note.run(commitId, stream, version, digest, recordedAt, expiresAt.toISOString());
    });
  }

  async *read(
    stream: string,
    { from, to, direction, limit, startsCommit = false }: CommitRange,
  ): AsyncGenerator<Commit> {
    const size = Math.min(limit ?? PAGE, PAGE);
    let [low, high] = direction === 'forward' ? [from, to] : [to, from];
    let starts = startsCommit || low <= 1;
    while (low <= high) {
      const statement = this.#statements[direction === 'forward' && starts ? 'onward' : direction];
      const { rows, more } = guarded(() => takeRows(statement, { stream, low, high, size }, 'body'));
      const commits = rows.map(readCommitRow);
      yield* commits;
      const last = commits.at(-1);
      if (!last || (!more && commits.length < size)) return;
      starts = true;
      if (direction === 'forward') low = endOf(last) + 1;
      else high = last.version - 1;
    }
  }

  /** Reads the keys from their index, so that the scan goes on behind a damaged row. */
  async *scan(after: CommitPlace = { stream: '', version: 0 }): AsyncGenerator<ScannedCommit> {
    let { stream, version } = after;
    for (;;) {
      const keys = guarded(() =>
        this.#statements.keys.all({ stream, version, size: PAGE }),
      ) as unknown as CommitPlace[];
      for (const place of keys) yield this.#scanned(place);
      const last = keys.at(-1);
      if (!last || keys.length < PAGE) return;
      ({ stream, version } = last);
    }
  }

  #scanned({ stream, version }: CommitPlace): ScannedCommit {
    const place = { stream, version };
    try {
      const row = guarded(() => this.#statements.at.get(stream, version));
      return row ? { commit: readCommitRow(row) } : { place, damage: 'an index has the commit and the table has not' };
    } catch (error) {
      if (!(error instanceof CorruptDataError)) throw error;
      return { place, damage: error.message };
    }
  }

  /**
   * The first commits after a position, of all streams, in the order of positions: at most `limit` commits and 1 MB as
   * stored, but at least a commit when there is any.
   * @throws UnavailableError when the disk fails
   */
  commitsAfter(position: number, limit: number): PositionedCommit[] {
    const { rows } = guarded(() => takeRows(this.#statements.after, { position, limit }, 'body'));
    return rows.map((row) => ({ position: Number(row['position']), commit: readCommitRow(row) }));
  }

  /**
   * As {@link commitsAfter}, but only the places of the commits: for a consumer of few streams, since bodies are not read.
   * @throws UnavailableError when the disk fails
   */
  placesAfter(position: number, limit: number): PositionedCommit[] {
    const rows = guarded(() => this.#statements.places.all(position, limit)) as unknown as (Commit &
      PositionedCommit)[];
    return rows.map(({ position, stream, version, count }) => ({
      position,
      commit: { ...NO_BODY, stream, version, count },
    }));
  }

  /** Position of the newest commit; 0 when there is none. @throws UnavailableError when the disk fails */
  lastPosition(): number {
    return Number(guarded(() => this.#statements.last.get())?.['last'] ?? 0);
  }

  /** The identity of the commit at a position, by default of the newest; undefined when there is none. @throws UnavailableError */
  markAt(position = this.lastPosition()): { position: number; identity: string } | undefined {
    const row = guarded(() => this.#statements.identity.get(position));
    if (!row) return undefined;
    return { position, identity: identityOf(row as { recordedAt: string; commitId: string }) }; // the table is STRICT
  }

  /**
   * The positions of the first and last commit that were recorded from `from` to `to` (ISO 8601, both included), and the
   * number of events from first to last; undefined when there is no such commit.
   */
  recordedBetween(from = '', to = '~'): { first: number; last: number; events: number } | undefined {
    const row = guarded(() => this.#statements.recordedBetween.get({ from, to }));
    if (typeof row?.['first'] !== 'number') return undefined;
    return { first: row['first'], last: Number(row['last']), events: Number(row['events']) };
  }

  /** Calls `listener` after each transaction that stored a commit. @returns a function that ends the calls */
  onStored(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Stores all pending changes and refuses further changes. Reads still work. */
  close(): void {
    this.#closed = true;
    this.#flush();
  }

  #flush(): void {
    const batch = this.#pending;
    this.#pending = [];
    if (batch.length === 0) return;
    let outcomes: Outcome[];
    try {
      outcomes = this.#store(batch);
    } catch (error) {
      const reason = portError(error);
      for (const { reject } of batch) reject(reason);
      return;
    }
    for (const { settle } of outcomes) settle();
    if (outcomes.some(({ stored }) => stored)) for (const listener of this.#listeners) listener();
  }

  /** Stores a batch in a transaction. @returns an outcome for each change, to be settled because the transaction is on disk */
  #store(batch: readonly PendingChange[]): Outcome[] {
    return transaction(this.#database, () => batch.map((pending) => this.#apply(pending)));
  }

  #apply({ change, resolve, reject }: PendingChange): Outcome {
    try {
      const obstacles = this.#changes.apply(change);
      return { stored: !obstacles, settle: () => resolve(obstacles) };
    } catch (error) {
      if (!this.#database.isTransaction) throw error; // SQLite has rolled back the whole batch
      return { stored: false, settle: () => reject(portError(error)) };
    }
  }
}

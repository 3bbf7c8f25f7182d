import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import {
  CorruptDataError,
  EventIdTakenError,
  IdempotencyKeyReusedError,
  UnavailableError,
} from '../../../core/base/errors.ts';
import { type Commit, endOf, identityOf, MAX_EVENTS_PER_COMMIT } from '../../../core/store/commit.ts';
import type { CommitPlace, CommitScan, ScannedCommit } from '../../../core/store/commit-scan.ts';
import type { CommitRange, CommitStorage } from '../../../core/store/commit-storage.ts';
import { guarded, portError } from './error.ts';
import { takeRows } from './rows.ts';
import { transaction } from './transaction.ts';

/** A commit and its place in the one order of all commits. Positions count from 1. */
export interface PositionedCommit {
  readonly position: number;
  readonly commit: Commit;
}

interface PendingPut {
  readonly commit: Commit;
  readonly given: ReadonlyMap<string, number>;
  readonly resolve: (occupant: Commit | undefined) => void;
  readonly reject: (error: unknown) => void;
}

interface Outcome {
  readonly stored: boolean;
  readonly settle: () => void;
}

/** Most commits that a read holds in memory at once; it takes fewer when they are large. */
const PAGE = 100;

const COLUMNS = 'position, stream, version, count, commit_id, keyed, recorded_at, types, body, trace, digest';

/**
 * Commits in SQLite. Puts that come in the same turn of the event loop share one transaction, and so one wait for the
 * disk; each has its own result. SQLite has one writer, so the order of positions is the order in which commits show.
 */
export class SqliteCommitStorage implements CommitStorage, CommitScan {
  readonly #database: DatabaseSync;
  readonly #statements: ReturnType<typeof prepareStatements>;
  readonly #listeners = new Set<() => void>();
  #pending: PendingPut[] = [];
  #closed = false;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#statements = prepareStatements(database);
  }

  put(commit: Commit, given: ReadonlyMap<string, number> = new Map()): Promise<Commit | undefined> {
    if (this.#closed) return Promise.reject(new UnavailableError('the server is stopping; repeat the request later'));
    return new Promise((resolve, reject) => {
      if (this.#pending.push({ commit, given, resolve, reject }) === 1) setImmediate(() => this.#flush());
    });
  }

  async head(stream: string): Promise<number> {
    const row = guarded(() => this.#statements.head.get(stream));
    return Number(row?.['head'] ?? 0);
  }

  async find(stream: string, commitId: string): Promise<Commit | undefined> {
    return guarded(() => {
      const row = this.#statements.find.get(stream, commitId);
      const note = row ? undefined : this.#statements.findNote.get(stream, commitId);
      return row ? commitOf(row) : note && noteOf(note);
    });
  }

  async note(unchanged: Commit, expiresAt: Date): Promise<void> {
    const { stream, commitId, version, digest = null, recordedAt } = unchanged;
    guarded(() => {
      this.#assertKeyFree(unchanged);
      this.#statements.forget.run(recordedAt);
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
      const commits = rows.map(commitOf);
      yield* commits;
      const last = commits.at(-1);
      if (!last || (!more && commits.length < size)) return;
      starts = true;
      if (direction === 'forward') low = endOf(last) + 1;
      else high = last.version - 1;
    }
  }

  /** Reads the keys from their index, so that a damaged row is passed over and those behind it are not. */
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
      return row ? { commit: commitOf(row) } : { place, damage: 'an index has it and the table has not' };
    } catch (error) {
      if (!(error instanceof CorruptDataError)) throw error;
      return { place, damage: error.message };
    }
  }

  /** The first commits after a position, of all streams, in their order: 1 MB as stored, or one. @throws UnavailableError */
  commitsAfter(position: number, limit: number): PositionedCommit[] {
    const { rows } = guarded(() => takeRows(this.#statements.after, { position, limit }, 'body'));
    return rows.map((row) => ({ position: Number(row['position']), commit: commitOf(row) }));
  }

  /** Position of the newest commit, 0 when there is none. @throws UnavailableError */
  lastPosition(): number {
    return Number(guarded(() => this.#statements.last.get())?.['last'] ?? 0);
  }

  /** The identity of the commit at a position, or of the newest one; undefined when there is none. @throws UnavailableError */
  markAt(position = this.lastPosition()): { position: number; identity: string } | undefined {
    const row = guarded(() => this.#statements.identity.get(position));
    if (!row) return undefined;
    return { position, identity: identityOf(row as { recordedAt: string; commitId: string }) }; // the table is STRICT
  }

  /** The positions of the first and last commit recorded in a time, both ends included, and the events from one to the other. */
  span(from = '', to = '~'): { first: number; last: number; events: number } | undefined {
    const row = guarded(() => this.#statements.span.get({ from, to }));
    if (typeof row?.['first'] !== 'number') return undefined;
    return { first: row['first'], last: Number(row['last']), events: Number(row['events']) };
  }

  /** Calls `listener` after each transaction that stored something. @returns how to stop that */
  onStored(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Stores what is pending and takes nothing more. Reading goes on. */
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

  /** One transaction for all. @returns what to tell each caller once the transaction is on disk, which it is now */
  #store(batch: readonly PendingPut[]): Outcome[] {
    return transaction(this.#database, () => batch.map((put) => this.#insert(put)));
  }

  #takenOf(stream: string, ids: Iterable<string>): ReadonlyMap<string, number> {
    const found = [...ids].flatMap((id) => {
      const row = this.#statements.givenId.get(stream, id);
      return row ? [[id, Number(row['sequence_number'])] as const] : [];
    });
    return new Map(found);
  }

  /** A key stands for one request, whatever stream that was for. */
  #assertKeyFree({ keyed, commitId, stream, digest }: Commit): void {
    if (!keyed || digest === undefined) return;
    const { otherUse, otherNote } = this.#statements;
    const place = { commitId, stream, digest };
    if (otherUse.get(place) ?? otherNote.get(place)) throw new IdempotencyKeyReusedError();
  }

  #insert({ commit, given, resolve, reject }: PendingPut): Outcome {
    try {
      // Looked up first, for an insert that finds its place taken would use up a position. No one else writes between.
      const row = this.#statements.at.get(commit.stream, commit.version);
      if (!row) this.#insertFree(commit, given);
      const occupant = row && commitOf(row);
      return { stored: !row, settle: () => resolve(occupant) };
    } catch (error) {
      if (!this.#database.isTransaction) throw error; // all of the batch is undone
      return { stored: false, settle: () => reject(portError(error)) };
    }
  }

  /** Looks before it writes, for other puts share the transaction: nothing of this one may be left when it is refused. */
  #insertFree(commit: Commit, given: ReadonlyMap<string, number>): void {
    const taken = this.#takenOf(commit.stream, given.keys());
    if (taken.size > 0) throw new EventIdTakenError(commit.stream, taken);
    this.#assertKeyFree(commit);
    this.#statements.insert.run(rowOf(commit));
    for (const [id, sequenceNumber] of given) this.#statements.giveId.run(commit.stream, id, sequenceNumber);
  }
}

function prepareStatements(database: DatabaseSync) {
  // A commit that holds event `low` starts at most this many events before it.
  const range = `stream = :stream AND version > :low - ${MAX_EVENTS_PER_COMMIT} AND version + count > :low AND version <= :high`;
  return {
    insert: database.prepare(
      `INSERT INTO commits (stream, version, count, commit_id, keyed, recorded_at, types, body, trace, digest)
       VALUES (:stream, :version, :count, :commitId, :keyed, :recordedAt, :types, :body, :trace, :digest)`,
    ),
    givenId: database.prepare('SELECT sequence_number FROM given_event_ids WHERE stream = ? AND id = ?'),
    giveId: database.prepare('INSERT INTO given_event_ids (stream, id, sequence_number) VALUES (?, ?, ?)'),
    otherUse: database.prepare(
      'SELECT 1 FROM commits WHERE commit_id = :commitId AND keyed = 1 AND stream <> :stream AND digest <> :digest LIMIT 1',
    ),
    otherNote: database.prepare(
      'SELECT 1 FROM request_notes WHERE commit_id = :commitId AND stream <> :stream AND digest <> :digest LIMIT 1',
    ),
    findNote: database.prepare('SELECT * FROM request_notes WHERE stream = ? AND commit_id = ?'),
    note: database.prepare(
      `INSERT INTO request_notes (commit_id, stream, version, digest, recorded_at, expires_at)
       VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    ),
    forget: database.prepare('DELETE FROM request_notes WHERE expires_at < ?'),
    at: database.prepare(`SELECT ${COLUMNS} FROM commits WHERE stream = ? AND version = ?`),
    head: database.prepare(
      'SELECT version + count - 1 AS head FROM commits WHERE stream = ? ORDER BY version DESC LIMIT 1',
    ),
    find: database.prepare(
      `SELECT ${COLUMNS} FROM commits WHERE stream = ? AND commit_id = ? AND keyed = 1 ORDER BY version LIMIT 1`,
    ),
    forward: database.prepare(`SELECT ${COLUMNS} FROM commits WHERE ${range} ORDER BY version LIMIT :size`),
    // From where a commit starts: none before it need be looked at.
    onward: database.prepare(
      `SELECT ${COLUMNS} FROM commits WHERE stream = :stream AND version >= :low AND version <= :high ORDER BY version LIMIT :size`,
    ),
    backward: database.prepare(`SELECT ${COLUMNS} FROM commits WHERE ${range} ORDER BY version DESC LIMIT :size`),
    after: database.prepare(`SELECT ${COLUMNS} FROM commits WHERE position > :position ORDER BY position LIMIT :limit`),
    keys: database.prepare(
      `SELECT stream, version FROM commits WHERE (stream, version) > (:stream, :version)
       ORDER BY stream, version LIMIT :size`,
    ),
    identity: database.prepare(
      'SELECT recorded_at AS recordedAt, commit_id AS commitId FROM commits WHERE position = ?',
    ),
    last: database.prepare('SELECT max(position) AS last FROM commits'),
    span: database.prepare(
      `WITH ends AS (SELECT min(position) AS first, max(position) AS last FROM commits WHERE recorded_at BETWEEN :from AND :to)
       SELECT first, last, (SELECT sum(count) FROM commits WHERE position BETWEEN first AND last) AS events FROM ends`,
    ),
  };
}

function rowOf({ types, keyed, trace, digest, ...commit }: Commit) {
  return {
    ...commit,
    digest: digest ?? null,
    types: JSON.stringify(types),
    keyed: keyed ? 1 : 0,
    trace: trace ?? null,
  };
}

interface CommitRow {
  readonly stream: string;
  readonly version: number;
  readonly count: number;
  readonly commit_id: string;
  readonly keyed: 0 | 1;
  readonly recorded_at: string;
  readonly types: string;
  readonly body: Uint8Array;
  readonly trace: string | null;
  readonly digest: string | null;
}

function commitOf(row: Record<string, SQLOutputValue>): Commit {
  const { stream, version, count, commit_id, keyed, recorded_at, types, body, trace, digest } =
    row as unknown as CommitRow; // the table is STRICT
  return {
    stream,
    version,
    count,
    commitId: commit_id,
    keyed: keyed === 1,
    recordedAt: recorded_at,
    types: typesOf(types, stream, version),
    body,
    ...(trace === null ? {} : { trace }),
    ...(digest === null ? {} : { digest }),
  };
}

type NoteRow = Pick<CommitRow, 'stream' | 'version' | 'commit_id' | 'recorded_at' | 'digest'>;

/** A commit of no events, as a note has it. */
function noteOf(row: Record<string, SQLOutputValue>): Commit {
  const { stream, version, commit_id: commitId, recorded_at: recordedAt, digest } = row as unknown as NoteRow; // STRICT
  const nothing = { count: 0, types: [], body: new Uint8Array() };
  return { stream, version, ...nothing, commitId, keyed: true, recordedAt, ...(digest === null ? {} : { digest }) };
}

function typesOf(json: string, stream: string, version: number): string[] {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw new CorruptDataError(`the types of the commit at version ${version} of stream ${stream} cannot be read`, {
      cause,
    });
  }
}

import { accessSync, chmodSync, closeSync, constants, existsSync, mkdirSync, openSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { SqliteCode, sqliteCode } from './error.ts';

/** The data folder cannot be used. `message` is one line that names it and says what to do. */
export class StartupError extends Error {
  override readonly name = 'StartupError';
}

/** The open databases of a data folder. One process at a time has them. */
export interface DataFolder {
  /** `events.sqlite`, the truth: what a commit on this connection acknowledges survives loss of power. */
  readonly events: DatabaseSync;
  /** `events.sqlite` again, for bookkeeping that may lose its last moments: its commits do not wait for the disk. */
  readonly bookkeeping: DatabaseSync;
  /** `views.sqlite`, made from the events and made anew when it is deleted. Its commits do not wait for the disk. */
  readonly views: DatabaseSync;
  /** Moves the write-ahead logs into the databases, closes them and lets the next process in. */
  close(): void;
}

interface Schema {
  readonly file: string;
  /** `PRAGMA user_version`; 0 is a new file. */
  readonly version: number;
  /** Run at each start: makes what is not there, so that a folder of an earlier Annals gains what is new. */
  readonly sql: string;
  /** What brings the tables of version 1 to version 2, those to 3, and so on. */
  readonly upgrades: readonly string[];
}

const CHECKPOINTS = `
  CREATE TABLE IF NOT EXISTS checkpoints (
    consumer TEXT PRIMARY KEY,
    position INTEGER NOT NULL
  ) STRICT;`;

/** Views and their marks; with the events, the marks of streams that the bus cannot take. */
const VIEWS = `
  CREATE TABLE IF NOT EXISTS views (
    projection TEXT    NOT NULL,
    generation INTEGER NOT NULL,
    key        TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    "group"    TEXT    NOT NULL,
    view       TEXT,
    parked     TEXT,
    PRIMARY KEY (projection, generation, key)
  ) STRICT;
  CREATE INDEX IF NOT EXISTS views_by_group ON views (projection, generation, "group", key);
  CREATE INDEX IF NOT EXISTS views_parked ON views (projection, generation, key) WHERE parked IS NOT NULL;`;

const eventsSchema: Schema = {
  file: 'events.sqlite',
  version: 2,
  upgrades: [
    `ALTER TABLE commits ADD COLUMN digest TEXT;
     DROP INDEX IF EXISTS commits_keyed;`,
  ],
  sql: `
  CREATE TABLE IF NOT EXISTS commits (
    position    INTEGER PRIMARY KEY AUTOINCREMENT,
    stream      TEXT    NOT NULL,
    version     INTEGER NOT NULL,
    count       INTEGER NOT NULL,
    commit_id   TEXT    NOT NULL,
    keyed       INTEGER NOT NULL,
    recorded_at TEXT    NOT NULL,
    types       TEXT    NOT NULL,
    body        BLOB    NOT NULL,
    trace       TEXT,
    digest      TEXT,
    UNIQUE (stream, version)
  ) STRICT;
  CREATE INDEX IF NOT EXISTS commits_by_key ON commits (commit_id, stream) WHERE keyed = 1;
  CREATE TABLE IF NOT EXISTS given_event_ids (
    stream          TEXT    NOT NULL,
    id              TEXT    NOT NULL,
    sequence_number INTEGER NOT NULL,
    PRIMARY KEY (stream, id)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS request_notes (
    commit_id   TEXT    NOT NULL,
    stream      TEXT    NOT NULL,
    version     INTEGER NOT NULL,
    digest      TEXT,
    recorded_at TEXT    NOT NULL,
    expires_at  TEXT    NOT NULL,
    PRIMARY KEY (commit_id, stream)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS request_notes_by_time ON request_notes (expires_at);
  CREATE TABLE IF NOT EXISTS sagas (
    saga    TEXT PRIMARY KEY,
    wake_at TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS sagas_by_time ON sagas (wake_at) WHERE wake_at IS NOT NULL;
  CREATE TABLE IF NOT EXISTS saga_parties (
    saga   TEXT NOT NULL,
    stream TEXT NOT NULL,
    PRIMARY KEY (saga, stream)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS saga_parties_by_stream ON saga_parties (stream);
  CREATE TABLE IF NOT EXISTS log_pages (
    partition         TEXT    NOT NULL,
    page              INTEGER NOT NULL,
    first_event       INTEGER NOT NULL,
    count             INTEGER NOT NULL,
    first_recorded_at TEXT    NOT NULL,
    through           TEXT    NOT NULL,
    lateness_ms       INTEGER NOT NULL,
    appended_at       TEXT    NOT NULL,
    types             TEXT    NOT NULL,
    body              BLOB    NOT NULL,
    PRIMARY KEY (partition, page)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS log_marks (
    key  TEXT    PRIMARY KEY,
    mark INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;${CHECKPOINTS}${VIEWS}`,
};

const viewsSchema: Schema = {
  file: 'views.sqlite',
  version: 3,
  upgrades: [
    'ALTER TABLE views ADD COLUMN parked TEXT;',
    // Counters of any size, and sums that never leave their range: all views are made anew from the events.
    `DROP TABLE IF EXISTS views; DROP TABLE IF EXISTS counters;
     DROP TABLE IF EXISTS checkpoints; DROP TABLE IF EXISTS control;`,
  ],
  sql: `${VIEWS}
  CREATE TABLE IF NOT EXISTS counters (
    projection TEXT    NOT NULL,
    generation INTEGER NOT NULL,
    key        TEXT    NOT NULL,
    counter    TEXT    NOT NULL,
    high       INTEGER NOT NULL,
    low        INTEGER NOT NULL,
    PRIMARY KEY (projection, generation, key, counter)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS counters_by_value ON counters (projection, generation, counter, high, low);
  CREATE TABLE IF NOT EXISTS history (
    id       INTEGER PRIMARY KEY CHECK (id = 0),
    position INTEGER NOT NULL,
    identity TEXT    NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS control (
    kind     TEXT    NOT NULL,
    id       TEXT    NOT NULL,
    revision INTEGER NOT NULL,
    content  TEXT    NOT NULL,
    PRIMARY KEY (kind, id)
  ) STRICT, WITHOUT ROWID;${CHECKPOINTS}`,
};

/** Marks a file as ours, so that no other program's database is taken for one: "Anls". */
export const APPLICATION_ID = 0x416e6c73;
/** The database whose open transaction is the lock of a folder. */
export const LOCK = 'lock.sqlite';
/** In a data folder while a backup is restored to it, and afterwards when that did not come to its end. */
export const UNFINISHED_RESTORE = 'unfinished-restore';
/** Whether a folder has the name of a backup that did not finish. It may hold a part of the events. */
export const isUnfinishedBackup = (path: string): boolean => /\.unfinished-[A-Za-z0-9]{6}$/.test(path);
/** How long a call waits for a lock that some other program holds, such as the sqlite3 shell. It blocks the process. */
const BUSY_TIMEOUT_MS = 2_000;

/**
 * Opens a data folder, made if need be, for this process alone.
 * @throws StartupError when it cannot be written, holds something else, is in use, or is from a newer Annals
 */
export function openDataFolder(path: string): DataFolder {
  const folder = resolve(path);
  const opened: DatabaseSync[] = [];
  const open = (file: string, prepare: (database: DatabaseSync) => void): DatabaseSync =>
    explained(join(folder, file), folder, () => {
      makePrivate(join(folder, file));
      const database = new DatabaseSync(join(folder, file), { timeout: BUSY_TIMEOUT_MS });
      opened.push(database);
      prepare(database);
      return database;
    });
  const close = (): void => opened.reverse().forEach((database) => void database.close());
  try {
    assertFinished(folder);
    explained(folder, folder, () => makeWritable(folder));
    if (existsSync(join(folder, UNFINISHED_RESTORE))) {
      throw new StartupError(`the restore of a backup to ${folder} did not finish; empty the folder and restore again`);
    }
    // An open transaction is the lock: the kernel lets go of it whatever way the process ends.
    open(LOCK, (lock) => lock.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE'));
    const events = open(eventsSchema.file, (database) => prepareSchema(database, eventsSchema, 'FULL'));
    const bookkeeping = open(eventsSchema.file, (database) => database.exec('PRAGMA synchronous = NORMAL'));
    const views = open(viewsSchema.file, (database) => prepareSchema(database, viewsSchema, 'NORMAL'));
    return { events, bookkeeping, views, close };
  } catch (error) {
    close();
    throw error;
  }
}

/**
 * Opens the databases of a data folder for reading, beside the process that has it. Everything is read as it was at the
 * open: the views first, so that the events hold whatever is in them.
 * @throws StartupError when there are none, or ones of another version
 */
export function openForReading(path: string): Pick<DataFolder, 'events' | 'views' | 'close'> {
  const folder = resolve(path);
  const opened: DatabaseSync[] = [];
  const open = ({ file, version }: Schema): DatabaseSync =>
    explained(join(folder, file), folder, () => {
      const database = new DatabaseSync(join(folder, file), { readOnly: true, timeout: BUSY_TIMEOUT_MS });
      opened.push(database);
      const { user_version: found } = database.prepare('PRAGMA user_version').get() ?? {};
      // A transaction that has read sees one state of the database until it ends.
      if (found === version) database.exec('BEGIN; SELECT count(*) FROM sqlite_schema');
      if (found === version) return database;
      throw new StartupError(
        `${join(folder, file)} is of version ${found}, not ${version}; start this Annals on it once`,
      );
    });
  const close = (): void => opened.reverse().forEach((database) => void database.close());
  try {
    assertFinished(folder);
    const views = open(viewsSchema);
    return { events: open(eventsSchema), views, close };
  } catch (error) {
    close();
    throw error;
  }
}

function assertFinished(folder: string): void {
  if (!isUnfinishedBackup(folder)) return;
  throw new StartupError(`${folder} is a backup that did not finish, and no data folder; name another folder`);
}

function makeWritable(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
}

/**
 * Lets only the user of this process read a database, whatever the folder and the process's umask allow. SQLite gives the
 * files beside it (`-wal`, `-shm`) the mode of the database; those of an earlier process are changed here.
 */
function makePrivate(database: string): void {
  // An existing file is not opened: closing it would release the locks that this process holds on it.
  if (!existsSync(database)) closeSync(openSync(database, 'a', 0o600));
  for (const path of [database, `${database}-wal`, `${database}-shm`]) if (existsSync(path)) chmodSync(path, 0o600);
}

function prepareSchema(database: DatabaseSync, schema: Schema, synchronous: 'FULL' | 'NORMAL'): void {
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous}`);
  const { user_version: version } = database.prepare('PRAGMA user_version').get() ?? {};
  const { application_id: application } = database.prepare('PRAGMA application_id').get() ?? {};
  const { objects } = database.prepare('SELECT count(*) AS objects FROM sqlite_schema').get() ?? {};
  const isNew = version === 0 && objects === 0;
  if (!isNew && application !== APPLICATION_ID) {
    throw new StartupError(
      `${database.location()} is a database of some other program; move it away or set ANNALS_DATA to another folder`,
    );
  }
  if (Number(version) > schema.version) {
    throw new StartupError(
      `${database.location()} is of version ${version}, this Annals knows up to ${schema.version}; run the newer Annals that wrote it`,
    );
  }
  const upgrade = isNew ? '' : schema.upgrades.slice(Number(version) - 1).join(' ');
  // Written each time, so that a file or disk that takes no writes is found now and not by the first append.
  database.exec(
    `BEGIN IMMEDIATE; ${upgrade} ${schema.sql}
     PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${schema.version}; COMMIT`,
  );
}

function explained<T>(path: string, folder: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof StartupError) throw error;
    throw new StartupError(explanation(path, folder, error), { cause: error });
  }
}

function explanation(path: string, folder: string, error: unknown): string {
  const elsewhere = 'or set ANNALS_DATA to another folder';
  const remedy = path.endsWith(viewsSchema.file)
    ? 'delete it, and the views are made anew from the events'
    : `restore it from a backup ${elsewhere}`;
  switch (sqliteCode(error) ?? (error as NodeJS.ErrnoException).code) {
    case SqliteCode.busy:
      return `the data folder ${folder} is in use by another process, most likely Annals itself; stop that one ${elsewhere}`;
    case SqliteCode.full:
    case 'ENOSPC':
    case 'EDQUOT':
      return `the disk that holds the data folder ${folder} is full; free some space ${elsewhere}`;
    case SqliteCode.inputOutput:
      return `the disk that holds the data folder ${folder} takes no writes: it is full or faulty; make room, or check it, ${elsewhere}`;
    case SqliteCode.notADatabase:
      return `${path} is not a database; ${remedy}`;
    case SqliteCode.corrupt:
      return `${path} is damaged; ${remedy}`;
    case 'EEXIST':
    case 'ENOTDIR':
      return `the data folder ${folder} is not a folder; move the file that is in its place away ${elsewhere}`;
    case SqliteCode.permission:
    case SqliteCode.readOnly:
    case SqliteCode.cannotOpen:
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 'ENOENT': // what Node makes of a read-only file system when it is to make folders there
      return `the data folder ${folder} cannot be written; make it and its files writable for this user ${elsewhere}`;
    default:
      return `the data folder ${folder} cannot be used (${error instanceof Error ? error.message : error}); repair it ${elsewhere}`;
  }
}

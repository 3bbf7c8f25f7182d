import { accessSync, chmodSync, closeSync, constants, existsSync, mkdirSync, openSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DatabaseSync } from '../../../core/base/sqlite.ts';
import { diskFaultOf, SqliteCode, sqliteCode } from './error.ts';
import { eventsSchema, type Schema, viewsSchema } from './schema.ts';

/** The data folder cannot be used. `message` is a single line that names the folder and says what to do. */
export class StartupError extends Error {
  override readonly name = 'StartupError';
}

/** The open databases of a data folder. A single process at a time has them. */
export interface DataFolder {
  /** `events.sqlite`, the source of truth. An acknowledged transaction on this connection survives loss of power. */
  readonly events: DatabaseSync;
  /** A second connection to `events.sqlite`, for bookkeeping. Its transactions do not wait for the disk and may get lost. */
  readonly bookkeeping: DatabaseSync;
  /** `views.sqlite`, built from the events, and built again when it is deleted. Its transactions do not wait for the disk. */
  readonly views: DatabaseSync;
  /** Moves the write-ahead logs into the databases, closes them and releases the lock of the folder. */
  close(): void;
}

/** Marks a database as one of Annals, so that other programs' databases are refused: "Anls" in ASCII. */
export const APPLICATION_ID = 0x416e6c73;
/** The database whose open transaction is the lock of a folder. */
export const LOCK = 'lock.sqlite';
/** A data folder has an entry of this name while a backup is restored to it. It stays when the restore did not finish. */
export const UNFINISHED_RESTORE = 'unfinished-restore';
/** Whether a folder has the name of a backup that did not finish. The folder may hold a part of the events. */
export const isUnfinishedBackup = (path: string): boolean => /\.unfinished-[A-Za-z0-9]{6}$/.test(path);
/** Longest wait for a lock that another program holds, such as the sqlite3 shell. The wait blocks the process. */
const BUSY_TIMEOUT_MS = 2_000;

/**
 * Opens a data folder for this process alone, and creates the folder when it does not exist.
 * @throws StartupError when the folder cannot be written, holds other data, is in use, or is from a newer Annals
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
    // An open transaction is the lock: the kernel releases it however the process ends.
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
 * Opens the databases of a data folder for reading, also beside a process that uses it. All reads see the state at the
 * open. The views are opened first, so that the events include every event that is in the views.
 * @throws StartupError when the databases are missing or have another version
 */
export function openForReading(path: string): Pick<DataFolder, 'events' | 'views' | 'close'> {
  const folder = resolve(path);
  const opened: DatabaseSync[] = [];
  const open = ({ file, version }: Schema): DatabaseSync =>
    explained(join(folder, file), folder, () => {
      if (!existsSync(join(folder, file))) {
        throw new StartupError(
          `there is no ${join(folder, file)}; name the data folder of a server, or start the server once: it makes what can be made`,
        );
      }
      const database = new DatabaseSync(join(folder, file), { readOnly: true, timeout: BUSY_TIMEOUT_MS });
      opened.push(database);
      const { user_version: found } = database.prepare('PRAGMA user_version').get() ?? {};
      // From its first read to its end, a transaction sees the same state of the database.
      if (found === version) database.exec('BEGIN; SELECT count(*) FROM sqlite_schema');
      if (found === version) return database;
      throw new StartupError(
        `${join(folder, file)} has version ${found}, not ${version}; start a server of this Annals on the folder once`,
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
 * Makes a database readable for the user of this process only, whatever the folder and the umask allow. SQLite gives new
 * files beside it (`-wal`, `-shm`) the mode of the database; existing files get that mode here.
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
      `${database.location()} is a database of another program; move it away or set ANNALS_DATA to another folder`,
    );
  }
  if (Number(version) > schema.version) {
    throw new StartupError(
      `${database.location()} has version ${version}, this Annals knows versions up to ${schema.version}; run the newer Annals that wrote it`,
    );
  }
  const upgrade = isNew ? '' : schema.upgrades.slice(Number(version) - 1).join(' ');
  // Each start writes, so that the start and not the first append finds a file or disk that refuses writes.
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
    ? 'delete it, and Annals builds the views again from the events'
    : `restore it from a backup ${elsewhere}`;
  switch (sqliteCode(error) ?? (error as NodeJS.ErrnoException).code) {
    case SqliteCode.busy:
      return `the data folder ${folder} is in use by another process, most likely Annals itself; stop that process ${elsewhere}`;
    case SqliteCode.notADatabase:
      return `${path} is not a database; ${remedy}`;
    case SqliteCode.corrupt:
      return `${path} is damaged; ${remedy}`;
    case 'EEXIST':
    case 'ENOTDIR':
      return `the data folder ${folder} is not a folder; move the file that is in its place away ${elsewhere}`;
  }
  switch (diskFaultOf(error)) {
    case 'full':
      return `the disk that holds the data folder ${folder} is full; free some space ${elsewhere}`;
    case 'faulty':
      return `the disk that holds the data folder ${folder} takes no writes: it is full or faulty; make room, or check it, ${elsewhere}`;
    case 'unwritable':
      return `the data folder ${folder} cannot be written; make it and its files writable for this user ${elsewhere}`;
    default:
      return `the data folder ${folder} cannot be used (${error instanceof Error ? error.message : error}); repair it ${elsewhere}`;
  }
}

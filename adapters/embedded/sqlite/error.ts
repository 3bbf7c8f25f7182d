import { CorruptDataError, UnavailableError } from '../../../core/base/errors.ts';

/** The primary result codes of SQLite that Annals tells apart; see https://www.sqlite.org/rescode.html. */
export const SqliteCode = {
  permission: 3,
  busy: 5,
  readOnly: 8,
  inputOutput: 10,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  notADatabase: 26,
} as const;

/** The primary result code of an error of node:sqlite; undefined for any other error. */
export function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined;
  return error.errcode & 0xff; // the higher bits tell variants of a code apart
}

/** What an error of SQLite or of the system says about a disk or a folder; undefined for any other error. */
export function diskFaultOf(error: unknown): 'full' | 'faulty' | 'unwritable' | undefined {
  const code = sqliteCode(error) ?? (error instanceof Error && 'code' in error ? error.code : undefined);
  switch (code) {
    case SqliteCode.full:
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG':
      return 'full';
    case SqliteCode.inputOutput:
    case 'EIO':
      return 'faulty';
    case SqliteCode.permission:
    case SqliteCode.readOnly:
    case SqliteCode.cannotOpen:
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 'ENOENT': // Node's error for making folders on a read-only file system
      return 'unwritable';
  }
  return undefined;
}

const unavailable: ReadonlyMap<number | undefined, string> = new Map([
  [SqliteCode.full, 'the disk that holds the data folder is full; free some space, then repeat the request'],
  [SqliteCode.readOnly, 'the data folder has become read-only; make it writable, then repeat the request'],
  [SqliteCode.inputOutput, 'the disk that holds the data folder reports an error; check it, then repeat the request'],
  [SqliteCode.busy, 'another program holds a lock on the data folder; close it, then repeat the request'],
]);

/**
 * Translates an error of a database call for callers of a port: UnavailableError when the disk fails, CorruptDataError
 * when the data is damaged. Other errors are returned unchanged.
 */
export function portError(cause: unknown): unknown {
  const code = sqliteCode(cause);
  const message = unavailable.get(code);
  if (message) return new UnavailableError(message, { cause });
  if (code === SqliteCode.corrupt || code === SqliteCode.notADatabase) {
    return new CorruptDataError('a database of the data folder is damaged; restore it from a backup', { cause });
  }
  if (cause instanceof RangeError && 'code' in cause && cause.code === 'ERR_OUT_OF_RANGE') {
    const message =
      'a database of the data folder has a number beyond any that Annals writes; restore it from a backup';
    return new CorruptDataError(message, { cause });
  }
  return cause;
}

/** Runs database calls. @throws UnavailableError when the disk fails @throws CorruptDataError when the data is damaged */
export function guarded<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw portError(error);
  }
}

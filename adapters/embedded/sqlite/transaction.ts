import type { DatabaseSync } from 'node:sqlite';

/**
 * Runs database calls in a transaction, which stores all changes or none. It stores none when `isKept` refuses the result.
 * @throws the error of `work`, after a rollback
 */
export function transaction<T>(database: DatabaseSync, work: () => T, isKept: (result: T) => boolean = () => true): T {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    database.exec(isKept(result) ? 'COMMIT' : 'ROLLBACK');
    return result;
  } catch (error) {
    // After some errors, such as a full disk, SQLite has rolled back already.
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

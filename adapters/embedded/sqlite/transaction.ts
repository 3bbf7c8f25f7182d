import type { DatabaseSync } from 'node:sqlite';

/**
 * Runs database calls as one transaction: all of it is stored, or nothing. Nothing also when `isKept` refuses the result.
 * @throws what `work` throws, after the transaction is undone
 */
export function transaction<T>(database: DatabaseSync, work: () => T, isKept: (result: T) => boolean = () => true): T {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    database.exec(isKept(result) ? 'COMMIT' : 'ROLLBACK');
    return result;
  } catch (error) {
    // SQLite has rolled back already after some errors, such as a full disk.
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

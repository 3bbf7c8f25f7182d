import type { SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite';

/** Most bytes and rows that one read takes, for SQLite stops the process while it reads: about 2 milliseconds each. */
const MAX_BYTES = 1024 * 1024;
const MAX_ROWS = 128;

type Row = Record<string, SQLOutputValue>;

/**
 * The first rows of a query: all of them, or 128, or as many as have 1 MB in a column, or one row.
 * @param large the column that may be large
 * @returns `more`: the rows were cut off, and others may follow
 */
export function takeRows(
  statement: StatementSync,
  parameters: Record<string, SQLInputValue>,
  large: string,
): { rows: Row[]; more: boolean } {
  const rows: Row[] = [];
  let bytes = 0;
  for (const row of statement.iterate(parameters)) {
    rows.push(row);
    const value = row[large];
    if (typeof value === 'string' || value instanceof Uint8Array) bytes += value.length;
    if (bytes >= MAX_BYTES || rows.length === MAX_ROWS) return { rows, more: true };
  }
  return { rows, more: false };
}

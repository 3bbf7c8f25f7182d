import type { SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite';

/** A read takes at most this many bytes and rows, because SQLite blocks the process meanwhile: about 2 ms for either. */
const MAX_BYTES = 1024 * 1024;
const MAX_ROWS = 128;

type Row = Record<string, SQLOutputValue>;

/**
 * Reads the first rows of a query: at most 128 rows, and no further row once the column `large` sums up to 1 MB.
 * @param large name of the column that may be large
 * @returns `more`: whether a limit ended the read, so that further rows may follow
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

import type { StatementSync } from 'node:sqlite';
import { DatabaseSync } from '../../core/base/sqlite.ts';
import type { LogRow } from './log-row.ts';

/** A case of a log with its events in order of time. */
export interface Case {
  readonly name: string;
  readonly rows: readonly LogRow[];
}

/**
 * Brings the events of a log in order, case by case, whatever their order in the file. They wait in a temporary database on
 * disk, so that memory holds one case at a time. Events of the same instant keep the order of the file.
 */
export class CaseSorter {
  // An empty name is a temporary database on disk.
  readonly #database = new DatabaseSync('');
  readonly #insert: StatementSync;
  readonly #broken = new Set<string>();
  #rows = 0;

  constructor() {
    this.#database.exec('PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN');
    this.#database.exec('CREATE TABLE rows (name TEXT, at TEXT, rest TEXT, number INTEGER, content TEXT)');
    this.#insert = this.#database.prepare('INSERT INTO rows VALUES (?, ?, ?, ?, ?)');
  }

  get isEmpty(): boolean {
    return this.#rows === 0;
  }

  add(name: string, row: LogRow): void {
    this.#insert.run(
      name,
      row.at.iso,
      row.at.rest,
      this.#rows++,
      JSON.stringify({ ...row, attributes: [...row.attributes] }),
    );
  }

  /** Leaves a case out: without one of its events it would be another case. */
  leaveOut(name: string): void {
    this.#broken.add(name);
  }

  *cases(): Generator<Case> {
    let current: { readonly name: string; readonly rows: LogRow[] } | undefined;
    const sorted = this.#database.prepare('SELECT name, content FROM rows ORDER BY name, at, rest, number');
    for (const { name, content } of sorted.iterate()) {
      if (this.#broken.has(String(name))) continue;
      const row = JSON.parse(String(content));
      const whole = { ...row, attributes: new Map(row.attributes) };
      if (current && current.name === name) current.rows.push(whole);
      else {
        if (current) yield current;
        current = { name: String(name), rows: [whole] };
      }
    }
    if (current) yield current;
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}

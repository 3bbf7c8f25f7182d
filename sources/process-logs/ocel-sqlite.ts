import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SQLOutputValue } from 'node:sqlite';
import { pipeline } from 'node:stream/promises';
import { DatabaseSync } from '../../core/base/sqlite.ts';
import type { SourceFile } from '../source-event.ts';
import { SourceFault } from '../source-fault.ts';
import type { OcelRecord, OcelRecords } from './ocel-record.ts';

// OCEL 2.0 as a database of SQLite (specification of 2023-10-16): a table for each type, with a column for each attribute.

type Row = Readonly<Record<string, SQLOutputValue>>;

/** A log in a database. It is read from a copy, which gets the indexes that the log may lack. */
export class OcelDatabase implements OcelRecords {
  readonly #folder: string;
  readonly #database: DatabaseSync;

  /** @throws SourceFault when the database is no OCEL 2.0 log */
  static async of(file: SourceFile): Promise<OcelDatabase> {
    const folder = mkdtempSync(join(tmpdir(), 'annals-ocel-'));
    try {
      const copy = join(folder, 'log.sqlite');
      await pipeline(file.read(), createWriteStream(copy));
      return new OcelDatabase(folder, copy);
    } catch (cause) {
      rmSync(folder, { recursive: true, force: true });
      if (!(cause instanceof Error && 'code' in cause && cause.code === 'ERR_SQLITE_ERROR')) throw cause;
      throw new SourceFault('', `is a database, but no OCEL 2.0 log: ${cause.message}`, { cause });
    }
  }

  private constructor(folder: string, path: string) {
    this.#folder = folder;
    this.#database = new DatabaseSync(path);
    try {
      this.#database.exec(`
        PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA trusted_schema = OFF;
        CREATE INDEX annals_event_object ON event_object (ocel_event_id);
        CREATE INDEX annals_object_object ON object_object (ocel_source_id);`);
      for (const kind of ['event', 'object'] as const) {
        for (const [type, table] of this.#tables(kind)) this.#index(table, `annals_${kind}_${type}`);
      }
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  *objects(): Generator<OcelRecord> {
    const related = this.#query(
      'SELECT ocel_target_id AS id, ocel_qualifier AS q FROM object_object WHERE ocel_source_id = ?',
    );
    for (const { id, type, rows, place } of this.#records('object')) {
      const attributes = rows.flatMap((row) => attributesOf(row, textOf(row['ocel_changed_field'])));
      yield { place, value: { id, type, attributes, relationships: relationships(related.all(id)) } };
    }
  }

  *events(): Generator<OcelRecord> {
    const related = this.#query(
      'SELECT ocel_object_id AS id, ocel_qualifier AS q FROM event_object WHERE ocel_event_id = ?',
    );
    for (const { id, type, rows, place } of this.#records('event')) {
      const attributes = rows.flatMap((row) => attributesOf(row));
      const time = textOf(rows[0]?.['ocel_time']);
      yield { place, value: { id, type, time, attributes, relationships: relationships(related.all(id)) } };
    }
  }

  *#records(kind: 'event' | 'object') {
    const tables = new Map(
      [...this.#tables(kind)].map(([type, table]) => [
        type,
        this.#query(`SELECT * FROM ${table} WHERE ocel_id = ? ORDER BY rowid`),
      ]),
    );
    for (const row of this.#query(`SELECT ocel_id, ocel_type FROM ${kind} ORDER BY rowid`).iterate()) {
      const [id, type] = [textOf(row['ocel_id']) ?? '', textOf(row['ocel_type']) ?? ''];
      yield { id, type, rows: (tables.get(type)?.all(id) ?? []) as Row[], place: `${kind} ${id}` };
    }
  }

  /** The table of each type. */
  *#tables(kind: 'event' | 'object'): Generator<[type: string, table: string]> {
    for (const row of this.#query(`SELECT ocel_type, ocel_type_map FROM ${kind}_map_type`).all()) {
      yield [textOf(row['ocel_type']) ?? '', quoted(`${kind}_${textOf(row['ocel_type_map'])}`)];
    }
  }

  #index(table: string, name: string): void {
    this.#database.exec(`CREATE INDEX ${quoted(name)} ON ${table} (ocel_id)`);
  }

  #query(sql: string) {
    const statement = this.#database.prepare(sql);
    statement.setReadBigInts(true);
    return statement;
  }

  [Symbol.dispose](): void {
    this.#database.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

const textOf = (value: SQLOutputValue | undefined): string | undefined =>
  value === undefined || value === null ? undefined : String(value);

/** A number that cannot be kept exactly is kept as text. */
function plain(value: SQLOutputValue): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  return typeof value === 'bigint' ? (Number.isSafeInteger(Number(value)) ? Number(value) : String(value)) : value;
}

/** @param only the attribute that a row changes; the other columns repeat nothing */
function attributesOf({ ocel_id: _, ocel_time, ocel_changed_field: __, ...columns }: Row, only?: string) {
  const time = textOf(ocel_time);
  return Object.entries(columns)
    .filter(([name, value]) => value !== null && (only === undefined || name === only))
    .map(([name, value]) => ({ name, ...(time !== undefined && { time }), value: plain(value) }));
}

const relationships = (rows: readonly Row[]) =>
  rows.map(({ id, q }) => ({ objectId: textOf(id ?? null) ?? '', qualifier: textOf(q ?? null) }));

import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import { CorruptDataError } from '../../../core/base/errors.ts';
import type { JsonObject } from '../../../core/events/json.ts';
import {
  type ControlItem,
  type ControlListOptions,
  type ControlPage,
  type ControlStore,
  type ControlWrite,
  encodeControl,
} from '../../../core/store/control-store.ts';
import { guarded } from './error.ts';
import { transaction } from './transaction.ts';

const REMEDY = 'stop the server and delete the file views.sqlite, and the views are made anew';

/**
 * Control items in SQLite. Those about views are in the database of the views, because both name the same generations.
 * Those about work, such as leases, are in the database of the events: they outlive deleted views.
 */
export class SqliteControlStore implements ControlStore {
  readonly #database: DatabaseSync;
  readonly #statements: ReturnType<typeof prepareStatements>;
  readonly #remedy: string;

  /** @param remedy what to do about an item that cannot be read */
  constructor(database: DatabaseSync, remedy = REMEDY) {
    this.#database = database;
    this.#statements = prepareStatements(database);
    this.#remedy = remedy;
  }

  async get(kind: string, id: string): Promise<ControlItem | undefined> {
    const row = guarded(() => this.#statements.get.get(kind, id));
    return row && readControlRow(row, this.#remedy);
  }

  async put(kind: string, id: string, content: JsonObject, expectedRevision: number): Promise<boolean> {
    const json = encodeControl(kind, id, content);
    return guarded(() => this.#write(kind, id, json, expectedRevision));
  }

  async remove(kind: string, id: string, expectedRevision: number): Promise<boolean> {
    return guarded(() => this.#write(kind, id, undefined, expectedRevision));
  }

  async writeTogether(writes: readonly ControlWrite[]): Promise<boolean> {
    const encoded = writes.map(({ kind, id, content, expectedRevision }) => {
      const json = content && encodeControl(kind, id, content);
      return () => this.#write(kind, id, json, expectedRevision);
    });
    const isWritten = (all: boolean) => all;
    return guarded(() => transaction(this.#database, () => encoded.every((write) => write()), isWritten));
  }

  async list(kind: string, { limit, prefix = '', after = '' }: ControlListOptions): Promise<ControlPage> {
    const size = limit + 1; // a further row shows that a page follows
    const rows = guarded(() => this.#statements.list.all({ kind, prefix, after, size }));
    const items = rows.slice(0, limit).map((row) => readControlRow(row, this.#remedy));
    const last = items.at(-1);
    return rows.length > limit && last ? { items, next: last.id } : { items };
  }

  /** @param content undefined removes the item */
  #write(kind: string, id: string, content: string | undefined, expectedRevision: number): boolean {
    const { insert, update, remove } = this.#statements;
    if (content === undefined) return remove.run(kind, id, expectedRevision).changes === 1;
    if (expectedRevision === 0) return insert.run({ kind, id, content }).changes === 1;
    return update.run({ kind, id, content, expectedRevision }).changes === 1;
  }
}

function prepareStatements(database: DatabaseSync) {
  const columns = 'kind, id, revision, content';
  return {
    get: database.prepare(`SELECT ${columns} FROM control WHERE kind = ? AND id = ?`),
    insert: database.prepare(
      `INSERT INTO control (${columns}) VALUES (:kind, :id, 1, :content) ON CONFLICT DO NOTHING`,
    ),
    update: database.prepare(
      `UPDATE control SET revision = revision + 1, content = :content
       WHERE kind = :kind AND id = :id AND revision = :expectedRevision`,
    ),
    remove: database.prepare('DELETE FROM control WHERE kind = ? AND id = ? AND revision = ?'),
    list: database.prepare(
      `SELECT ${columns} FROM control
       WHERE kind = :kind AND id >= :prefix AND id > :after AND substr(id, 1, length(:prefix)) = :prefix
       ORDER BY id LIMIT :size`,
    ),
  };
}

/** @throws CorruptDataError that names the item */
function readControlRow(row: Record<string, SQLOutputValue>, remedy: string): ControlItem {
  const { content, ...rest } = row as unknown as ControlItem & { content: string }; // the table is STRICT
  try {
    return { ...rest, content: JSON.parse(content) };
  } catch (cause) {
    throw new CorruptDataError(`the ${rest.kind} ${rest.id} cannot be read; ${remedy}`, { cause });
  }
}

import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import { CorruptDataError } from '../../../core/base/errors.ts';
import type { JsonObject } from '../../../core/events/json.ts';
import {
  type ControlItem,
  type ControlListOptions,
  type ControlPage,
  type ControlStore,
  encodeControl,
} from '../../../core/replays/control-store.ts';
import { guarded } from './error.ts';

const REMEDY = 'stop the server and delete the file views.sqlite, and the views are made anew';

/**
 * Control items in SQLite. Those about views are in the database of the views, because both name the same generations.
 * Those about work, such as leases, are in the database of the events: they outlive deleted views.
 */
export class SqliteControlStore implements ControlStore {
  readonly #statements: ReturnType<typeof prepareStatements>;
  readonly #remedy: string;

  /** @param remedy what to do about an item that cannot be read */
  constructor(database: DatabaseSync, remedy = REMEDY) {
    this.#statements = prepareStatements(database);
    this.#remedy = remedy;
  }

  async get(kind: string, id: string): Promise<ControlItem | undefined> {
    const row = guarded(() => this.#statements.get.get(kind, id));
    return row && readControlRow(row, this.#remedy);
  }

  async put(kind: string, id: string, content: JsonObject, expectedRevision: number): Promise<boolean> {
    const row = { kind, id, content: encodeControl(kind, id, content) };
    const { changes } = guarded(() =>
      expectedRevision === 0
        ? this.#statements.insert.run(row)
        : this.#statements.update.run({ ...row, expectedRevision }),
    );
    return changes === 1;
  }

  async remove(kind: string, id: string, expectedRevision: number): Promise<boolean> {
    return guarded(() => this.#statements.remove.run(kind, id, expectedRevision)).changes === 1;
  }

  async list(kind: string, { limit, prefix = '', after = '' }: ControlListOptions): Promise<ControlPage> {
    const size = limit + 1; // a further row shows that a page follows
    const rows = guarded(() => this.#statements.list.all({ kind, prefix, after, size }));
    const items = rows.slice(0, limit).map((row) => readControlRow(row, this.#remedy));
    const last = items.at(-1);
    return rows.length > limit && last ? { items, next: last.id } : { items };
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

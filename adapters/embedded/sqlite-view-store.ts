import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import type { StoredView } from '../../core/projection.ts';
import { encodeView, type ViewPage, type ViewStore } from '../../core/view-store.ts';
import { guarded } from './sqlite-error.ts';

/** Views in SQLite, as JSON. */
export class SqliteViewStore implements ViewStore {
  readonly #database: DatabaseSync;
  readonly #statements: ReturnType<typeof prepareStatements>;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#statements = prepareStatements(database);
  }

  async get(projection: string, generation: number, key: string): Promise<StoredView | undefined> {
    const row = guarded(() => this.#statements.get.get(projection, generation, key));
    return row && viewOf(row);
  }

  async put(stored: StoredView, expectedVersion: number): Promise<boolean> {
    const { view: _, ...rest } = stored;
    const row = { ...rest, view: encodeView(stored) ?? null };
    const { changes } = guarded(() =>
      expectedVersion === 0
        ? this.#statements.insert.run(row)
        : this.#statements.update.run({ ...row, expectedVersion }),
    );
    return changes === 1;
  }

  async list(
    projection: string,
    generation: number,
    group: string,
    { limit, after = '' }: { limit: number; after?: string | undefined },
  ): Promise<ViewPage> {
    const oneMore = limit + 1; // tells whether another page follows
    const rows = guarded(() => this.#statements.list.all({ projection, generation, group, after, oneMore }));
    const views = rows.slice(0, limit).map(viewOf);
    const last = views.at(-1);
    return rows.length > limit && last ? { views, next: last.key } : { views };
  }

  /** Position of the newest commit that any projection has taken in. @throws UnavailableError */
  position(): number {
    return Number(guarded(() => this.#statements.position.get())?.['position'] ?? 0);
  }

  /** Forgets all views, how far they were and what was noted about them, so that they are made anew. @throws UnavailableError */
  clear(): void {
    guarded(() =>
      this.#database.exec('BEGIN; DELETE FROM views; DELETE FROM checkpoints; DELETE FROM control; COMMIT'),
    );
  }
}

function prepareStatements(database: DatabaseSync) {
  const columns = 'projection, generation, key, version, "group", view';
  const place = 'projection = :projection AND generation = :generation';
  return {
    position: database.prepare('SELECT max(position) AS position FROM checkpoints'),
    get: database.prepare(`SELECT ${columns} FROM views WHERE projection = ? AND generation = ? AND key = ?`),
    insert: database.prepare(
      `INSERT INTO views (${columns}) VALUES (:projection, :generation, :key, :version, :group, :view)
       ON CONFLICT DO NOTHING`,
    ),
    update: database.prepare(
      `UPDATE views SET version = :version, "group" = :group, view = :view
       WHERE ${place} AND key = :key AND version = :expectedVersion`,
    ),
    list: database.prepare(
      `SELECT ${columns} FROM views WHERE ${place} AND "group" = :group AND "group" <> '' AND key > :after
       ORDER BY key LIMIT :oneMore`,
    ),
  };
}

interface ViewRow {
  readonly projection: string;
  readonly generation: number;
  readonly key: string;
  readonly version: number;
  readonly group: string;
  readonly view: string | null;
}

function viewOf(row: Record<string, SQLOutputValue>): StoredView {
  const { view, projection, generation, key, version, group } = row as unknown as ViewRow; // the table is STRICT
  return { projection, generation, key, version, group, view: view === null ? undefined : JSON.parse(view) };
}

import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import { CorruptDataError } from '../../../core/base/errors.ts';
import { type ListEntry, listPlace, parseListPlace, sortedEntries } from '../../../core/projections/entries.ts';
import { type Parked, parkedSchema } from '../../../core/projections/parked.ts';
import type { StoredView } from '../../../core/projections/projection.ts';
import type { CheckpointWrite } from '../../../core/projections/shared-view-store.ts';
import {
  decodeView,
  type EntryPage,
  encodeView,
  type PageOptions,
  type ParkedPage,
  type ViewPage,
  type ViewStore,
} from '../../../core/projections/view-store.ts';
import { guarded } from './error.ts';
import { takeRows } from './rows.ts';
import { transaction } from './transaction.ts';

/** Views in SQLite, as JSON. A page of a list ends at 128 views or 1 MB. */
export class SqliteViewStore implements ViewStore {
  readonly #database: DatabaseSync;
  readonly #statements: ReturnType<typeof prepareStatements>;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#statements = prepareStatements(database);
  }

  async get(projection: string, generation: number, key: string): Promise<StoredView | undefined> {
    const row = guarded(() => this.#statements.get.get(projection, generation, key));
    return row && readViewRow(row);
  }

  async put(
    next: StoredView,
    expectedVersion: number,
    expectedMark?: Parked,
    entries: readonly ListEntry[] = next.entries ?? [],
  ): Promise<boolean> {
    const put = () => this.putNow({ next, expectedVersion, expectedMark });
    if (JSON.stringify(entries) === JSON.stringify(next.entries ?? [])) return put();
    encodeView({ ...next, entries }); // checks the limit
    const write = () => put() && this.#enter(next, entries);
    return guarded(() => transaction(this.#database, write, (written) => written));
  }

  /**
   * Writes a view synchronously, so that it can run in a transaction of the caller. Its entries stay.
   * @throws UnavailableError
   */
  putNow({ next, expectedVersion, expectedMark }: CheckpointWrite): boolean {
    const { view: _, aside: __, entries: ___, surplus: ____, parked, ...rest } = next;
    const row = { ...rest, view: encodeView(next) ?? null, parked: encodeMark(parked) };
    const expected = { expectedVersion, expectedMark: encodeMark(expectedMark) };
    const { insert, update } = this.#statements;
    return guarded(() => {
      if (expectedVersion === 0 && !expectedMark && insert.run(row).changes === 1) return true;
      return update.run({ ...row, ...expected }).changes === 1;
    });
  }

  async list(
    projection: string,
    generation: number,
    group: string,
    { limit, after = '' }: PageOptions,
  ): Promise<ViewPage> {
    const size = limit + 1; // a further row shows that a page follows
    const place = { projection, generation, group, after, size };
    const { rows, more } = guarded(() => takeRows(this.#statements.list, place, 'view'));
    const views = rows.slice(0, limit).map(readViewRow);
    const last = views.at(-1);
    return (more || rows.length > limit) && last ? { views, next: last.key } : { views };
  }

  async listed(
    projection: string,
    generation: number,
    list: string,
    { limit, after = '' }: PageOptions,
  ): Promise<EntryPage> {
    const place = { projection, generation, list, ...parseListPlace(after), size: limit + 1 };
    const { rows, more } = guarded(() => takeRows(this.#statements.listed, place, 'view'));
    const listed = rows.slice(0, limit).map(({ order, ...row }) => ({ order: String(order), view: readViewRow(row) }));
    const last = listed.at(-1);
    const follows = (more || rows.length > limit) && last;
    return follows ? { listed, next: listPlace(last.order, last.view.key) } : { listed };
  }

  async listParked(projection: string, generation: number, { limit, after = '' }: PageOptions): Promise<ParkedPage> {
    const size = limit + 1;
    const rows = guarded(() => this.#statements.parked.all({ projection, generation, after, size }));
    const views = rows.slice(0, limit).map((row) => {
      const { key, version, parked } = row as unknown as ViewRow & { parked: string };
      return { key, version, parked: decodeMark(parked, { projection, key }) };
    });
    const last = views.at(-1);
    return rows.length > limit && last ? { views, next: last.key } : { views };
  }

  async countParked(projection: string, generation: number): Promise<number> {
    return Number(guarded(() => this.#statements.countParked.get(projection, generation))?.['count'] ?? 0);
  }

  /** Position of the newest commit that the projector has applied; 0 when there is none. @throws UnavailableError */
  position(): number {
    return Number(guarded(() => this.#statements.position.get())?.['position'] ?? 0);
  }

  #enter({ projection, generation, key }: StoredView, entries: readonly ListEntry[]): true {
    this.#statements.leave.run(projection, generation, key);
    for (const { list, order } of entries) this.#statements.enter.run(projection, generation, key, list, order);
    return true;
  }

  /** Deletes all views with their checkpoints and control items, so that they are built again. @throws UnavailableError */
  clear(): void {
    const sql =
      'DELETE FROM views; DELETE FROM entries; DELETE FROM counters; DELETE FROM checkpoints; DELETE FROM control; DELETE FROM history';
    guarded(() => transaction(this.#database, () => this.#database.exec(sql)));
  }
}

function prepareStatements(database: DatabaseSync) {
  const columns = 'projection, generation, key, version, "group", view, parked';
  const entries = `(SELECT json_group_array(json_object('list', e.list, 'order', e."order")) FROM entries AS e
    WHERE e.projection = views.projection AND e.generation = views.generation AND e.key = views.key) AS entries`;
  const place = 'projection = :projection AND generation = :generation';
  return {
    position: database.prepare('SELECT max(position) AS position FROM checkpoints'),
    get: database.prepare(
      `SELECT ${columns}, ${entries} FROM views WHERE projection = ? AND generation = ? AND key = ?`,
    ),
    insert: database.prepare(
      `INSERT INTO views (${columns}) VALUES (:projection, :generation, :key, :version, :group, :view, :parked)
       ON CONFLICT DO NOTHING`,
    ),
    update: database.prepare(
      `UPDATE views SET version = :version, "group" = :group, view = :view, parked = :parked
       WHERE ${place} AND key = :key AND version = :expectedVersion AND parked IS :expectedMark`,
    ),
    list: database.prepare(
      `SELECT ${columns}, ${entries} FROM views WHERE ${place} AND "group" = :group AND "group" <> '' AND key > :after
       ORDER BY key LIMIT :size`,
    ),
    listed: database.prepare(
      `SELECT ${columns}, ${entries}, "order" FROM entries CROSS JOIN views USING (projection, generation, key)
       WHERE ${place} AND list = :list AND ("order", key) > (:order, :key) ORDER BY "order", key LIMIT :size`,
    ),
    leave: database.prepare('DELETE FROM entries WHERE projection = ? AND generation = ? AND key = ?'),
    enter: database.prepare('INSERT INTO entries (projection, generation, key, list, "order") VALUES (?, ?, ?, ?, ?)'),
    parked: database.prepare(
      `SELECT key, version, parked FROM views WHERE ${place} AND parked IS NOT NULL AND key > :after
       ORDER BY key LIMIT :size`,
    ),
    countParked: database.prepare(
      'SELECT count(*) AS count FROM views WHERE projection = ? AND generation = ? AND parked IS NOT NULL',
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
  readonly parked: string | null;
  /** A list of entries as JSON. */
  readonly entries: string;
}

const encodeMark = (mark: Parked | undefined): string | null => (mark ? JSON.stringify(mark) : null);

type Place = Pick<ViewRow, 'projection' | 'key'>;

/** @throws CorruptDataError that names the view, when it or its mark cannot be read */
function readViewRow(row: Record<string, SQLOutputValue>): StoredView {
  const { view, parked, entries, ...rest } = row as unknown as ViewRow; // the tables are STRICT
  const lists = entries === '[]' ? {} : { entries: sortedEntries(JSON.parse(entries)) };
  const mark = parked === null ? {} : { parked: decodeMark(parked, rest) };
  return {
    ...rest,
    ...(view === null ? { view: undefined } : readable(rest, () => decodeView(view))),
    ...lists,
    ...mark,
  };
}

const decodeMark = (json: string, place: Place): Parked => readable(place, () => parkedSchema.parse(JSON.parse(json)));

function readable<T>({ projection, key }: Place, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new CorruptDataError(`view ${key} of ${projection} cannot be read; rebuild the projection`, { cause });
  }
}

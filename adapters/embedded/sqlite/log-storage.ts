import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import { CorruptDataError } from '../../../core/base/errors.ts';
import type { Catalogue } from '../../../core/events/catalogue.ts';
import { LAYOUTS, layoutsIn } from '../../../core/log/layouts.ts';
import type { LogPage } from '../../../core/log/page.ts';
import { type LogLayout, layoutOf, WHOLE } from '../../../core/log/partition.ts';
import type { LogStorage, PageRange } from '../../../core/log/storage.ts';
import { guarded } from './error.ts';

/** Most pages that a read takes at once, of at most 400 KB each: SQLite blocks the process while it reads. */
const BATCH = 4;

/**
 * Pages of the log in SQLite, in the database of the commits, so that a backup has both. A page is on disk before readers
 * see it: after a loss of power, every position that a reader got still stands for the same event.
 */
export class SqliteLogStorage implements LogStorage {
  readonly #statements: ReturnType<typeof prepareStatements>;
  readonly #listeners = new Set<() => void>();

  constructor(database: DatabaseSync) {
    this.#statements = prepareStatements(database);
  }

  async put(page: LogPage): Promise<LogPage | undefined> {
    const { changes } = guarded(() => this.#statements.insert.run({ ...page, types: JSON.stringify(page.types) }));
    if (changes === 0) return this.#get(page.partition, page.page);
    for (const listener of this.#listeners) listener();
    return undefined;
  }

  async last(partition: string): Promise<LogPage | undefined> {
    const row = guarded(() => this.#statements.last.get(partition));
    return row && readPageRow(row);
  }

  async *read(partition: string, { after, limit = Number.MAX_SAFE_INTEGER }: PageRange): AsyncGenerator<LogPage> {
    let page = after;
    for (let left = limit; left > 0; left -= BATCH) {
      const rows = guarded(() => this.#statements.read.all(partition, page, Math.min(left, BATCH)));
      const pages = rows.map(readPageRow);
      yield* pages;
      if (pages.length < BATCH) return;
      page = pages.at(-1)?.page ?? page;
    }
  }

  async expire(partition: string, first: number, last: number): Promise<void> {
    guarded(() => this.#statements.expire.run(partition, first, last));
  }

  async marks(keys: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const rows = guarded(() => this.#statements.marks.all(JSON.stringify(keys)));
    return new Map(rows.map(({ key, mark }) => [String(key), Number(mark)]));
  }

  async raiseMarks(marks: ReadonlyMap<string, number>): Promise<void> {
    guarded(() => this.#statements.raiseMarks.run(JSON.stringify([...marks])));
  }

  /** The current layout of the log. @throws UnavailableError @throws CorruptDataError */
  layout(catalogue: Catalogue): LogLayout {
    const pages = guarded(() => this.#statements.read.all(LAYOUTS, 0, Number.MAX_SAFE_INTEGER)).map(readPageRow);
    // An earlier version of Annals divided logs by aggregate type without storing layouts.
    const isOld = pages.length === 0 && guarded(() => this.#statements.divided.get(WHOLE)) !== undefined;
    if (isOld) return layoutOf({ strategy: 'by_aggregate_type' }, catalogue);
    return layoutsIn(pages, catalogue).at(-1) ?? layoutOf({ strategy: 'single' }, catalogue);
  }

  /** Calls `listener` after each new page. @returns a function that ends the calls */
  onAppended(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #get(partition: string, page: number): LogPage | undefined {
    const row = guarded(() => this.#statements.get.get(partition, page));
    return row && readPageRow(row);
  }
}

function prepareStatements(database: DatabaseSync) {
  const columns = `partition, page, first_event AS firstEvent, count, first_recorded_at AS firstRecordedAt, through,
    lateness_ms AS latenessMs, appended_at AS appendedAt, types, body`;
  return {
    insert: database.prepare(
      `INSERT INTO log_pages (partition, page, first_event, count, first_recorded_at, through, lateness_ms, appended_at, types, body)
       VALUES (:partition, :page, :firstEvent, :count, :firstRecordedAt, :through, :latenessMs, :appendedAt, :types, :body)
       ON CONFLICT DO NOTHING`,
    ),
    get: database.prepare(`SELECT ${columns} FROM log_pages WHERE partition = ? AND page = ?`),
    last: database.prepare(`SELECT ${columns} FROM log_pages WHERE partition = ? ORDER BY page DESC LIMIT 1`),
    expire: database.prepare('DELETE FROM log_pages WHERE partition = ? AND page BETWEEN ? AND ?'),
    marks: database.prepare('SELECT key, mark FROM log_marks WHERE key IN (SELECT value FROM json_each(?))'),
    raiseMarks: database.prepare(
      `INSERT INTO log_marks (key, mark) SELECT value ->> 0, value ->> 1 FROM json_each(?) WHERE true
       ON CONFLICT DO UPDATE SET mark = max(mark, excluded.mark)`,
    ),
    divided: database.prepare('SELECT 1 FROM log_pages WHERE partition <> ? OR count = 0 LIMIT 1'),
    read: database.prepare(`SELECT ${columns} FROM log_pages WHERE partition = ? AND page > ? ORDER BY page LIMIT ?`),
  };
}

function readPageRow(row: Record<string, SQLOutputValue>): LogPage {
  const { types, ...page } = row as unknown as LogPage & { readonly types: string }; // the table is STRICT
  try {
    return { ...page, types: JSON.parse(types) };
  } catch (cause) {
    throw new CorruptDataError(`page ${page.page} of the log's partition ${page.partition} cannot be read`, { cause });
  }
}

import type { DatabaseSync } from 'node:sqlite';
import type {
  Addition,
  CheckpointWrite,
  CounterValues,
  Ranked,
  SharedPlace,
  SharedViewStore,
} from '../../../core/projections/shared-view-store.ts';
import { guarded } from './error.ts';
import type { SqliteViewStore } from './view-store.ts';

/** Shared views in SQLite, a counter a row. Shards are of no use where there is one writer, so there are none. */
export class SqliteSharedViews implements SharedViewStore {
  readonly #database: DatabaseSync;
  readonly #views: SqliteViewStore;
  readonly #statements: ReturnType<typeof prepareStatements>;

  /** @param views the store of the checkpoints, over the same database */
  constructor(database: DatabaseSync, views: SqliteViewStore) {
    this.#database = database;
    this.#views = views;
    this.#statements = prepareStatements(database);
  }

  async add(checkpoints: readonly CheckpointWrite[], addition: Addition): Promise<boolean> {
    return guarded(() => {
      this.#database.exec('BEGIN IMMEDIATE');
      try {
        const written = checkpoints.every((write) => this.#views.putNow(write)) && this.#increment(addition);
        this.#database.exec(written ? 'COMMIT' : 'ROLLBACK');
        return written;
      } catch (error) {
        if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
        throw error;
      }
    });
  }

  async read({ projection, generation }: SharedPlace, key: string): Promise<CounterValues | undefined> {
    const rows = guarded(() => this.#statements.read.all(projection, generation, key));
    if (rows.length === 0) return undefined;
    return new Map(rows.map(({ counter, value }) => [String(counter), Number(value)]));
  }

  async top(place: SharedPlace, rank: string, limit: number): Promise<readonly Ranked[]> {
    const { projection, generation } = place;
    const rows = guarded(() => this.#statements.top.all(projection, generation, `/${rank}`, limit));
    const views = rows.map(async ({ key }) => ({
      key: String(key),
      counters: (await this.read(place, String(key))) ?? new Map(),
    }));
    return Promise.all(views);
  }

  async *keys({ projection, generation }: SharedPlace): AsyncIterable<string> {
    for (const { key } of guarded(() => this.#statements.keys.all(projection, generation))) yield String(key);
  }

  async remove({ projection, generation }: SharedPlace): Promise<void> {
    guarded(() => this.#statements.remove.run(projection, generation));
  }

  #increment({ projection, generation, increments }: Addition): true {
    for (const [key, counters] of increments) {
      for (const [counter, amount] of counters) this.#statements.add.run(projection, generation, key, counter, amount);
    }
    return true;
  }
}

function prepareStatements(database: DatabaseSync) {
  const place = 'projection = ? AND generation = ?';
  return {
    add: database.prepare(
      `INSERT INTO counters (projection, generation, key, counter, value) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET value = value + excluded.value`,
    ),
    read: database.prepare(`SELECT counter, value FROM counters WHERE ${place} AND key = ?`),
    top: database.prepare(`SELECT key FROM counters WHERE ${place} AND counter = ? ORDER BY value DESC, key LIMIT ?`),
    keys: database.prepare(`SELECT DISTINCT key FROM counters WHERE ${place}`),
    remove: database.prepare(`DELETE FROM counters WHERE ${place}`),
  };
}

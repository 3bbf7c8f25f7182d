import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import { shownCount } from '../../../core/projections/shared-projection.ts';
import type {
  Addition,
  CheckpointWrite,
  CounterValues,
  Ranked,
  SharedPlace,
  SharedViewStore,
} from '../../../core/projections/shared-view-store.ts';
import { guarded } from './error.ts';
import { transaction } from './transaction.ts';
import type { SqliteViewStore } from './view-store.ts';

/**
 * A counter is `high * LOW + low`, with `low` from 0 to LOW - 1, because the sum over many streams can exceed the 64 bits
 * of an integer in SQLite.
 */
const LOW = 1_000_000_000_000_000n;

const split = (amount: bigint): [high: bigint, low: bigint] => {
  const low = ((amount % LOW) + LOW) % LOW;
  return [(amount - low) / LOW, low];
};

const joined = (high: SQLOutputValue | undefined, low: SQLOutputValue | undefined): bigint =>
  BigInt(Number(high)) * LOW + BigInt(Number(low));

/** Shared views in SQLite, with a row for each counter. SQLite has a single writer, so shards would not help. */
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
    const write = () => checkpoints.every((checkpoint) => this.#views.putNow(checkpoint)) && this.#increment(addition);
    return guarded(() => transaction(this.#database, write, (written) => written));
  }

  async read({ projection, generation }: SharedPlace, key: string): Promise<CounterValues | undefined> {
    const rows = guarded(() => this.#statements.read.all(projection, generation, key));
    if (rows.length === 0) return undefined;
    return new Map(rows.map(({ counter, high, low }) => [String(counter), shownCount(joined(high, low))]));
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
    let after = '';
    do {
      const rows = guarded(() => this.#statements.keys.all(projection, generation, after, KEYS_AT_ONCE));
      for (const { key } of rows) yield String(key);
      after = rows.length < KEYS_AT_ONCE ? '' : String(rows.at(-1)?.['key']);
    } while (after !== '');
  }

  async remove({ projection, generation }: SharedPlace): Promise<void> {
    guarded(() => this.#statements.remove.run(projection, generation));
  }

  #increment({ projection, generation, increments }: Addition): true {
    for (const [key, counters] of increments) {
      for (const [counter, amount] of counters) {
        this.#statements.add.run(projection, generation, key, counter, ...split(amount));
      }
    }
    return true;
  }
}

/** Keys that are in memory at once. */
const KEYS_AT_ONCE = 1_000;

function prepareStatements(database: DatabaseSync) {
  const place = 'projection = ? AND generation = ?';
  return {
    add: database.prepare(
      `INSERT INTO counters (projection, generation, key, counter, high, low) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET
         high = high + excluded.high + (low + excluded.low) / ${LOW},
         low = (low + excluded.low) % ${LOW}`,
    ),
    read: database.prepare(`SELECT counter, high, low FROM counters WHERE ${place} AND key = ?`),
    top: database.prepare(
      `SELECT key FROM counters WHERE ${place} AND counter = ? ORDER BY high DESC, low DESC, key LIMIT ?`,
    ),
    keys: database.prepare(`SELECT DISTINCT key FROM counters WHERE ${place} AND key > ? ORDER BY key LIMIT ?`),
    remove: database.prepare(`DELETE FROM counters WHERE ${place}`),
  };
}

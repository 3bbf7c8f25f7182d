import type { DatabaseSync } from 'node:sqlite';
import type { PageOptions } from '../../../core/projections/view-store.ts';
import type { CheckpointPage, GenerationStore, ViewCheckpoint } from '../../../core/replays/generation-store.ts';
import { guarded } from './error.ts';
import { transaction } from './transaction.ts';

/** Checkpoints and removal of whole generations of views in SQLite. */
export class SqliteGenerationStore implements GenerationStore {
  readonly #database: DatabaseSync;
  readonly #statements: ReturnType<typeof prepareStatements>;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#statements = prepareStatements(database);
  }

  async checkpoints(
    projection: string,
    generation: number,
    group: string,
    { limit, after = '' }: PageOptions,
  ): Promise<CheckpointPage> {
    const size = limit + 1; // a further row shows that a page follows
    const rows = guarded(() => this.#statements.checkpoints.all({ projection, generation, group, after, size }));
    const checkpoints = rows.slice(0, limit).map((row) => ({ ...(row as unknown as ViewCheckpoint) })); // the table is STRICT
    const last = checkpoints.at(-1);
    return rows.length > limit && last ? { checkpoints, next: last.key } : { checkpoints };
  }

  async versions(projection: string, generation: number, keys: readonly string[]): Promise<Map<string, number>> {
    const rows = guarded(() => this.#statements.versions.all(projection, generation, JSON.stringify(keys)));
    return new Map(rows.map((row) => [String(row['key']), Number(row['version'])]));
  }

  async remove(projection: string, generation: number, keys: readonly string[]): Promise<void> {
    const place = [projection, generation, JSON.stringify(keys)] as const;
    const remove = () => {
      this.#statements.removeEntries.run(...place);
      this.#statements.remove.run(...place);
    };
    guarded(() => transaction(this.#database, remove));
  }
}

function prepareStatements(database: DatabaseSync) {
  const among = 'projection = ? AND generation = ? AND key IN (SELECT value FROM json_each(?))';
  return {
    checkpoints: database.prepare(
      `SELECT key, version FROM views
       WHERE projection = :projection AND generation = :generation AND "group" = :group AND key > :after
       ORDER BY key LIMIT :size`,
    ),
    versions: database.prepare(`SELECT key, version FROM views WHERE ${among}`),
    remove: database.prepare(`DELETE FROM views WHERE ${among}`),
    removeEntries: database.prepare(`DELETE FROM entries WHERE ${among}`),
  };
}

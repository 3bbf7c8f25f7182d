import type { DatabaseSync } from 'node:sqlite';
import { guarded } from './error.ts';

/** The stored position of a consumer, from which it goes on after a start. Both methods throw UnavailableError. */
export interface ConsumerCheckpoint {
  get(): number;
  save(position: number): void;
}

/**
 * The checkpoint of a consumer that works for several names, such as projections: the lowest position of the names. A new
 * name has position 0, so that the consumer starts over for all of them. The checkpoint is stored with the consumer's output.
 */
export function sqliteCheckpoint(database: DatabaseSync, names: readonly string[]): ConsumerCheckpoint {
  const list = JSON.stringify(names);
  const get = database.prepare(
    `SELECT min(coalesce(position, 0)) AS position
     FROM json_each(?) AS name LEFT JOIN checkpoints ON checkpoints.consumer = name.value`,
  );
  const save = database.prepare(
    `INSERT INTO checkpoints (consumer, position) SELECT value, ? FROM json_each(?) WHERE true
     ON CONFLICT DO UPDATE SET position = excluded.position`,
  );
  return {
    get: () => Number(guarded(() => get.get(list))?.['position'] ?? 0),
    save: (position) => void guarded(() => save.run(position, list)),
  };
}

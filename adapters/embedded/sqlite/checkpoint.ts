import type { DatabaseSync } from 'node:sqlite';
import { guarded } from './error.ts';

/** Where a consumer finds out after a start how far it had come. Both throw UnavailableError. */
export interface ConsumerCheckpoint {
  get(): number;
  save(position: number): void;
}

/**
 * How far the consumers of these names have come together: to the position that the last of them has finished with. A
 * name that is new has not begun, so that its consumer starts over for all of them. Kept beside what they make.
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

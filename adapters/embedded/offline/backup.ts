import { createHash } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';
import { Generations } from '../../../core/replays/generations.ts';
import { SqliteControlStore } from '../sqlite/control-store.ts';
import { StartupError } from '../sqlite/database.ts';

/** What a folder's events come to: two folders with the same hold the same history. */
export interface EventsDigest {
  readonly commits: number;
  readonly events: number;
  /** Of every commit's place, id, time and body, in their order. */
  readonly sha256: string;
}

/** A view as a folder has it. */
export interface ViewRow {
  readonly key: string;
  readonly version: number;
  /** As JSON. */
  readonly view: string | null;
}

/**
 * Copies the events of a data folder, as of one moment, into another folder, while a server goes on with the first: SQLite
 * copies page by page and starts over where somebody writes meanwhile.
 * @returns the position of the last commit in the copy
 * @throws StartupError when the folder has no events, or the target has some
 */
export async function backUpEvents(dataDir: string, target: string): Promise<number> {
  const copy = join(target, 'events.sqlite');
  if (existsSync(copy)) throw new StartupError(`${copy} is there already; name an empty folder`);
  mkdirSync(target, { recursive: true, mode: 0o700 });
  const source = openToRead(dataDir, 'events.sqlite');
  try {
    await backup(source, copy);
  } finally {
    source.close();
  }
  const copied = new DatabaseSync(copy, { readOnly: true });
  try {
    return Number(copied.prepare('SELECT coalesce(max(position), 0) AS last FROM commits').get()?.['last']);
  } finally {
    copied.close();
  }
}

/** The digest of a folder's events up to a position. @throws StartupError when it has none */
export function digestEvents(dataDir: string, last: number): EventsDigest {
  const database = openToRead(dataDir, 'events.sqlite');
  try {
    const hash = createHash('sha256');
    let [commits, events] = [0, 0];
    const rows = database.prepare(
      'SELECT stream, version, count, commit_id, recorded_at, body FROM commits WHERE position <= ? ORDER BY position',
    );
    for (const { stream, version, count, commit_id, recorded_at, body } of rows.iterate(last)) {
      hash.update(JSON.stringify([stream, version, count, commit_id, recorded_at])).update(body as Uint8Array);
      commits += 1;
      events += Number(count);
    }
    return { commits, events, sha256: hash.digest('hex') };
  } finally {
    database.close();
  }
}

/** The views of a projection that a folder's readers get, by key. @throws StartupError when there are none at all */
export async function readViews(dataDir: string, projection: string): Promise<Map<string, ViewRow>> {
  const database = openToRead(dataDir, 'views.sqlite');
  try {
    const generation = await new Generations(new SqliteControlStore(database), { maxAgeMs: 0 }).live(projection);
    const rows = database.prepare('SELECT key, version, view FROM views WHERE projection = ? AND generation = ?');
    const views = rows.all(projection, generation) as unknown as ViewRow[];
    return new Map(views.map((row) => [row.key, row]));
  } finally {
    database.close();
  }
}

function openToRead(dataDir: string, file: string): DatabaseSync {
  const path = join(dataDir, file);
  if (!existsSync(path)) throw new StartupError(`there is no ${path}; name the data folder of a server with --data`);
  return new DatabaseSync(path, { readOnly: true });
}

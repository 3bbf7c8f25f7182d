import { closeSync, existsSync, openSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { APPLICATION_ID, isUnfinishedBackup, LOCK } from '../sqlite/database.ts';
import { SqliteCode, sqliteCode } from '../sqlite/error.ts';

/** A folder beside the target in which a backup is made. */
export interface UnfinishedBackup {
  readonly path: string;
  /** Lets go of the folder, wherever it was moved to. */
  release(): void;
}

/** Makes such a folder. A lock in it says that it is a backup's, and in use: the kernel lets go of it whatever way the process ends. */
export async function beginBackup(target: string): Promise<UnfinishedBackup> {
  const path = await mkdtemp(`${target}.unfinished-`);
  try {
    closeSync(openSync(join(path, LOCK), 'wx', 0o600)); // SQLite would let others read it
    const lock = new DatabaseSync(join(path, LOCK));
    lock.exec(`PRAGMA application_id = ${APPLICATION_ID}; BEGIN EXCLUSIVE`);
    return { path, release: () => lock.close() };
  } catch (error) {
    await rm(path, { recursive: true, force: true });
    throw error;
  }
}

/**
 * Removes what backups to a target left behind whose process has ended.
 * @returns the folders of such a name that stay: a backup is at work in them, or they cannot be told from a folder of somebody else
 */
export async function removeLeftovers(target: string): Promise<readonly { path: string; inUse: boolean }[]> {
  const folder = dirname(target);
  const names = (await readdir(folder)).filter(
    (name) => isUnfinishedBackup(name) && name.slice(0, name.lastIndexOf('.unfinished-')) === basename(target),
  );
  const stay: { path: string; inUse: boolean }[] = [];
  for (const path of names.map((name) => join(folder, name))) {
    const lock = lockOf(path);
    if (lock === 'unknown' || lock === 'taken') stay.push({ path, inUse: lock === 'taken' });
    else {
      await rm(path, { recursive: true, force: true });
      lock.close();
    }
  }
  return stay;
}

/** Takes the lock of a folder. */
function lockOf(path: string): DatabaseSync | 'taken' | 'unknown' {
  const file = join(path, LOCK);
  if (!existsSync(file)) return 'unknown';
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(file, { timeout: 0 });
    lock.exec('BEGIN EXCLUSIVE');
    if (lock.prepare('PRAGMA application_id').get()?.['application_id'] === APPLICATION_ID) return lock;
  } catch (error) {
    lock?.close();
    return sqliteCode(error) === SqliteCode.busy ? 'taken' : 'unknown';
  }
  lock.close();
  return 'unknown';
}

import { closeSync, existsSync, openSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { DatabaseSync } from '../../../core/base/sqlite.ts';
import { APPLICATION_ID, isUnfinishedBackup, LOCK } from '../sqlite/database.ts';
import { SqliteCode, sqliteCode } from '../sqlite/error.ts';

/** The folder beside the target in which a backup is made. */
export interface UnfinishedBackup {
  readonly path: string;
  /** Releases the lock of the folder, also after the folder was moved. */
  release(): void;
}

/**
 * Makes the folder of a backup. A lock in it shows that the folder belongs to a backup and is in use: the kernel releases
 * the lock however the process ends.
 */
export async function beginBackup(target: string): Promise<UnfinishedBackup> {
  const path = await mkdtemp(`${target}.unfinished-`);
  try {
    closeSync(openSync(join(path, LOCK), 'wx', 0o600)); // SQLite itself would make the file readable for other users
    const lock = new DatabaseSync(join(path, LOCK));
    lock.exec(`PRAGMA application_id = ${APPLICATION_ID}; BEGIN EXCLUSIVE`);
    return { path, release: () => lock.close() };
  } catch (error) {
    await rm(path, { recursive: true, force: true });
    throw error;
  }
}

/**
 * Removes the folders of unfinished backups to a target whose processes have ended.
 * @returns the folders with such names that stay: a backup uses them, or nothing shows that they belong to a backup
 */
export async function removeLeftovers(target: string): Promise<readonly { path: string; inUse: boolean }[]> {
  const folder = dirname(target);
  const names = (await readdir(folder)).filter(
    (name) => isUnfinishedBackup(name) && name.slice(0, name.lastIndexOf('.unfinished-')) === basename(target),
  );
  const kept: { path: string; inUse: boolean }[] = [];
  for (const path of names.map((name) => join(folder, name))) {
    const lock = takeLock(path);
    if (lock === 'unknown' || lock === 'taken') kept.push({ path, inUse: lock === 'taken' });
    else {
      await rm(path, { recursive: true, force: true });
      lock.close();
    }
  }
  return kept;
}

/** Takes the lock of a folder. @returns the lock, `taken` by another process, or `unknown` when the folder has no lock of Annals */
function takeLock(path: string): DatabaseSync | 'taken' | 'unknown' {
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

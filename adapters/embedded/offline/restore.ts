import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { FileObjectStore } from '../files/object-store.ts';
import { UNFINISHED_RESTORE } from '../sqlite/database.ts';
import {
  assertFree,
  type BackupContent,
  BackupError,
  EVENTS,
  measure,
  readManifest,
  type StoredFile,
  sha256,
  sync,
  writing,
} from './backup-folder.ts';

/**
 * Restores a backup to a new or empty folder, and checks all of it against its hashes.
 * @param makeViews builds the views of a data folder; without it, the first start of a server builds them
 * @throws BackupError when the backup is incomplete, was changed or is from a newer Annals, or when the folder is not empty
 *   or cannot be written. The folder is then unchanged
 */
export async function restore(
  backup: string,
  folder: string,
  makeViews?: (dataDir: string) => Promise<void>,
): Promise<BackupContent> {
  const [source, target] = [resolve(backup), resolve(folder)];
  const content = await readManifest(source);
  return writing(target, async () => {
    await assertFree(target);
    const made = await mkdir(target, { recursive: true, mode: 0o700 });
    // Inside the target, which may be a mount point. A server does not start on a folder with this entry.
    const unfinished = join(target, UNFINISHED_RESTORE);
    try {
      await mkdir(unfinished, { mode: 0o700 });
      await copyAll(source, unfinished, content);
      await makeViews?.(unfinished);
    } catch (error) {
      await rm(made === undefined ? unfinished : target, { recursive: true, force: true });
      throw error;
    }
    await moveUp(unfinished, target);
    return content;
  });
}

async function copyAll(source: string, target: string, { database, objects }: BackupContent): Promise<void> {
  const path = join(target, EVENTS);
  await copyChecked(source, path, database);
  const [from, to] = [new FileObjectStore(source, { readOnly: true }), new FileObjectStore(target)];
  for (const [key, { sha256: expected }] of Object.entries(objects)) {
    const bytes = await from.get(key);
    if (!bytes || sha256(bytes) !== expected) throw changedFile(source, key, bytes !== undefined);
    await to.put(key, bytes);
  }
}

async function copyChecked(backup: string, to: string, { sha256: expected }: StoredFile): Promise<void> {
  const from = join(backup, EVENTS);
  try {
    await pipeline(createReadStream(from), createWriteStream(to, { mode: 0o600, flags: 'wx', flush: true }));
  } catch (error) {
    const isMissing = error instanceof Error && 'path' in error && error.path === from;
    throw isMissing ? changedFile(backup, EVENTS, false) : error;
  }
  if ((await measure(to)).sha256 !== expected) throw changedFile(backup, EVENTS, true);
}

const changedFile = (backup: string, file: string, isThere: boolean) =>
  new BackupError(
    `${file} of the backup ${backup} ${isThere ? 'has been changed' : 'is missing'}; restore another backup`,
  );

/** Moves the events last: without them the target is no data folder yet. */
async function moveUp(from: string, to: string): Promise<void> {
  const names = (await readdir(from)).filter((name) => name !== EVENTS);
  for (const name of [...names, EVENTS]) await rename(join(from, name), join(to, name));
  await sync(to);
  await rmdir(from);
  await sync(to);
}

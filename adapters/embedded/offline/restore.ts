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
 * Puts a backup into a new or empty folder, once all of it was checked against its hashes.
 * @param makeViews makes the views of a data folder; the first start of a server does it when absent
 * @throws BackupError when the backup is not whole, was changed or is of a newer Annals, or when the folder is not empty or
 * cannot be written. The folder is then as it was
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
    // Inside the folder, which may be where a disk is mounted. A server does not start on a folder that has it.
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
    if (!bytes || sha256(bytes) !== expected) throw notAsItWas(source, key, bytes !== undefined);
    await to.put(key, bytes);
  }
}

async function copyChecked(backup: string, to: string, { sha256: expected }: StoredFile): Promise<void> {
  const from = join(backup, EVENTS);
  try {
    await pipeline(createReadStream(from), createWriteStream(to, { mode: 0o600, flags: 'wx', flush: true }));
  } catch (error) {
    const isMissing = error instanceof Error && 'path' in error && error.path === from;
    throw isMissing ? notAsItWas(backup, EVENTS, false) : error;
  }
  if ((await measure(to)).sha256 !== expected) throw notAsItWas(backup, EVENTS, true);
}

const notAsItWas = (backup: string, file: string, isThere: boolean) =>
  new BackupError(
    `${file} of the backup ${backup} ${isThere ? 'has been changed' : 'is missing'}; restore another backup`,
  );

/** The events last: a folder without them is no data folder yet. */
async function moveUp(from: string, to: string): Promise<void> {
  const names = (await readdir(from)).filter((name) => name !== EVENTS);
  for (const name of [...names, EVENTS]) await rename(join(from, name), join(to, name));
  await sync(to);
  await rmdir(from);
  await sync(to);
}

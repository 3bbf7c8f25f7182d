import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import * as z from 'zod';
import { isUnfinishedBackup } from '../sqlite/database.ts';
import { diskFaultOf } from '../sqlite/error.ts';

/** A backup cannot be made, read or restored. `message` is a single line that names the place and says what to do. */
export class BackupError extends Error {
  override readonly name = 'BackupError';
}

/** The manifest of a backup. It is written last, so a backup without a manifest is incomplete. */
export const MANIFEST = 'backup.json';
/** The database of the events, in a backup as in a data folder. */
export const EVENTS = 'events.sqlite';
/** The newest format of a backup that this Annals knows. */
export const FORMAT = 1;

const count = z.int().nonnegative();
const storedFile = z.strictObject({ bytes: count, sha256: z.string() });
/** Size in bytes and SHA-256 in hex of a file. */
export type StoredFile = z.output<typeof storedFile>;

const contentSchema = z.strictObject({
  format: z.literal(FORMAT),
  createdAt: z.iso.datetime(),
  commits: count,
  events: count,
  /** Position of the last commit. */
  position: count,
  /** The last page of each partition of the log. */
  log: z.record(z.string(), count),
  database: storedFile,
  /** Bodies of large commits and segments of the log, by key. */
  objects: z.record(z.string(), storedFile),
  /** Objects that were missing or damaged in the original already, a sentence each. */
  damage: z.array(z.string()),
});
/** The content of a backup: its extent, its files, and known damage. */
export type BackupContent = z.output<typeof contentSchema>;

const manifestSchema = z.strictObject({ content: z.unknown(), sha256: z.string() });
const formatSchema = z.object({ content: z.object({ format: z.number() }) });

/** The SHA-256 of bytes or text, in hex. */
export const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

/** The manifest as text, with the hash of its content. */
export function encodeManifest(content: BackupContent): string {
  return JSON.stringify({ content, sha256: sha256(JSON.stringify(content)) });
}

/** Reads the manifest of a backup. @throws BackupError when it is missing, was changed, or is from a newer Annals */
export async function readManifest(backup: string): Promise<BackupContent> {
  if (isUnfinishedBackup(backup))
    throw new BackupError(`${backup} is a backup that did not finish; name another backup`);
  const json = await readFile(join(backup, MANIFEST), 'utf8').catch((error) => {
    if (error?.code !== 'ENOENT' && error?.code !== 'ENOTDIR') throw error;
    throw new BackupError(
      `${backup} is no complete backup: it has no ${MANIFEST}; name a folder that annals backup made`,
    );
  });
  const changed = (cause?: unknown) =>
    new BackupError(`${join(backup, MANIFEST)} has been changed; restore another backup`, { cause });
  try {
    const parsed: unknown = JSON.parse(json);
    const newer = formatSchema.safeParse(parsed).data;
    if (newer && newer.content.format > FORMAT) {
      throw new BackupError(
        `${backup} is a backup of format ${newer.content.format}, this Annals knows formats up to ${FORMAT}; restore it with the newer Annals`,
      );
    }
    const manifest = manifestSchema.parse(parsed);
    if (manifest.sha256 !== sha256(JSON.stringify(manifest.content))) throw changed();
    return contentSchema.parse(manifest.content);
  } catch (cause) {
    throw cause instanceof BackupError ? cause : changed(cause);
  }
}

/** Measures the size and hash of a file, without loading it as a whole. */
export async function measure(path: string): Promise<StoredFile> {
  const hash = createHash('sha256');
  let bytes = 0;
  await pipeline(createReadStream(path), async (pieces: AsyncIterable<Buffer>) => {
    for await (const piece of pieces) {
      hash.update(piece);
      bytes += piece.length;
    }
  });
  return { bytes, sha256: hash.digest('hex') };
}

/** Flushes a file, or the names in a folder, to the disk. Not for a database that this process has open. */
export async function sync(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Checks that a path does not exist or is an empty folder. @throws BackupError otherwise */
export async function assertFree(path: string): Promise<void> {
  const names = await readdir(path).catch((error) => {
    if (error?.code === 'ENOENT') return [];
    if (error?.code === 'ENOTDIR') throw new BackupError(`${path} is a file; name a new or empty folder`);
    throw error;
  });
  if (names.length > 0) throw new BackupError(`${path} is not empty; name a new or empty folder`);
}

/** Runs work that writes to a folder. @throws BackupError instead of an error of the disk */
export async function writing<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const message = diskFault(folder, cause);
    throw message === undefined ? cause : new BackupError(message, { cause });
  }
}

function diskFault(folder: string, error: unknown): string | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof BackupError) return undefined;
    if ('path' in cause && typeof cause.path === 'string' && !cause.path.startsWith(folder)) {
      return `${cause.path} cannot be read or written (${'code' in cause ? cause.code : cause.message}); repair it, then try again`;
    }
    switch (diskFaultOf(cause)) {
      case 'full':
        return `the disk that holds ${folder} is full; free some space or name another folder`;
      case 'faulty':
        return `the disk that holds ${folder} takes no writes: it is full or faulty; make room, or name another folder`;
      case 'unwritable':
        return `${folder} cannot be written; make it writable for this user or name another folder`;
    }
    switch ('code' in cause ? cause.code : undefined) {
      case 'ENOTDIR':
        return `${folder} cannot be written; make it writable for this user or name another folder`;
      case 'ENOTEMPTY':
      case 'EEXIST':
        return `${folder} is not empty; name a new or empty folder`;
      case 'EBUSY':
      case 'EXDEV':
        return `${folder} is where a disk is mounted; name a folder inside it`;
    }
  }
  return undefined;
}

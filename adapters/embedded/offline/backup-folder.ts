import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import * as z from 'zod';
import { isUnfinishedBackup } from '../sqlite/database.ts';
import { SqliteCode, sqliteCode } from '../sqlite/error.ts';

/** A backup cannot be made, read or restored. `message` is one line that names the place and says what to do. */
export class BackupError extends Error {
  override readonly name = 'BackupError';
}

/** The file that says what a backup holds. It is written last, so a backup without it is not whole. */
export const MANIFEST = 'backup.json';
export const EVENTS = 'events.sqlite';
/** The newest form of a backup that this Annals knows. */
export const FORMAT = 1;

const count = z.int().nonnegative();
const storedFile = z.strictObject({ bytes: count, sha256: z.string() });
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
  /** Bodies of large commits and segments of the log, by their keys. */
  objects: z.record(z.string(), storedFile),
  /** What was missing or damaged in the original already. */
  damage: z.array(z.string()),
});
export type BackupContent = z.output<typeof contentSchema>;

const manifestSchema = z.strictObject({ content: z.unknown(), sha256: z.string() });
const formatOf = z.object({ content: z.object({ format: z.number() }) });

export const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

/** The manifest as text; it holds the hash of its content. */
export function encodeManifest(content: BackupContent): string {
  return JSON.stringify({ content, sha256: sha256(JSON.stringify(content)) });
}

/** @throws BackupError when there is no manifest, it has been changed, or a newer Annals wrote it */
export async function readManifest(backup: string): Promise<BackupContent> {
  if (isUnfinishedBackup(backup))
    throw new BackupError(`${backup} is a backup that did not finish; name another backup`);
  const json = await readFile(join(backup, MANIFEST), 'utf8').catch((error) => {
    if (error?.code !== 'ENOENT' && error?.code !== 'ENOTDIR') throw error;
    throw new BackupError(`${backup} is no whole backup: it has no ${MANIFEST}; name a folder that annals backup made`);
  });
  const changed = (cause?: unknown) =>
    new BackupError(`${join(backup, MANIFEST)} has been changed; restore another backup`, { cause });
  try {
    const parsed: unknown = JSON.parse(json);
    const newer = formatOf.safeParse(parsed).data;
    if (newer && newer.content.format > FORMAT) {
      throw new BackupError(
        `${backup} is a backup of format ${newer.content.format}, this Annals knows up to ${FORMAT}; restore it with the newer Annals`,
      );
    }
    const manifest = manifestSchema.parse(parsed);
    if (manifest.sha256 !== sha256(JSON.stringify(manifest.content))) throw changed();
    return contentSchema.parse(manifest.content);
  } catch (cause) {
    throw cause instanceof BackupError ? cause : changed(cause);
  }
}

/** The size and hash of a file, read piece by piece. */
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

/** Brings a file, or the names in a folder, to the disk. Not for a database that this process has open. */
export async function sync(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** @throws BackupError unless there is nothing at a path, or an empty folder */
export async function assertFree(path: string): Promise<void> {
  const names = await readdir(path).catch((error) => {
    if (error?.code === 'ENOENT') return [];
    if (error?.code === 'ENOTDIR') throw new BackupError(`${path} is a file; name a new or empty folder`);
    throw error;
  });
  if (names.length > 0) throw new BackupError(`${path} is not empty; name a new or empty folder`);
}

/** Runs what writes to a folder. @throws BackupError in the place of an error of the disk */
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
      return `${cause.path} cannot be read or written (${'code' in cause ? cause.code : cause.message}); see to it, then try again`;
    }
    const code = sqliteCode(cause) ?? ('code' in cause ? cause.code : undefined);
    switch (code) {
      case SqliteCode.full:
      case 'ENOSPC':
      case 'EDQUOT':
      case 'EFBIG':
        return `the disk that holds ${folder} is full; free some space or name another folder`;
      case SqliteCode.inputOutput:
      case 'EIO':
        return `the disk that holds ${folder} takes no writes: it is full or faulty; make room, or name another folder`;
      case SqliteCode.permission:
      case SqliteCode.readOnly:
      case SqliteCode.cannotOpen:
      case 'EACCES':
      case 'EPERM':
      case 'EROFS':
      case 'ENOENT': // what Node makes of a read-only file system when it is to make folders there
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

import { closeSync, existsSync, openSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pLimit from 'p-limit';
import { segmentManifest } from '../../../core/log/segment.ts';
import { claimOf } from '../../../core/store/claim-check.ts';
import { CLAIM_CODEC } from '../../../core/store/commit.ts';
import type { ObjectStore } from '../../../core/store/object-store.ts';
import { FileObjectStore } from '../files/object-store.ts';
import { isUnfinishedBackup, LOCK } from '../sqlite/database.ts';
import { SqliteCode, sqliteCode } from '../sqlite/error.ts';
import {
  assertFree,
  type BackupContent,
  BackupError,
  EVENTS,
  encodeManifest,
  FORMAT,
  MANIFEST,
  measure,
  type StoredFile,
  sha256,
  sync,
  writing,
} from './backup-folder.ts';
import { beginBackup, removeLeftovers } from './unfinished.ts';

export interface BackupOptions {
  /** Goes on when a large body or a segment of the log is missing or damaged, and notes it in the backup. */
  readonly allowDamage?: boolean;
  readonly now?: () => Date;
  /** Hears of each folder of a backup to the same place that did not finish, and that was not removed. */
  readonly onLeftover?: (leftover: { readonly path: string; readonly inUse: boolean }) => void;
}

/** How long SQLite waits for a lock that some other program holds, milliseconds. */
const BUSY_TIMEOUT_MS = 5_000;
/** Objects copied side by side. */
const CONCURRENCY = 4;
const MANIFESTS = 'log/manifests/';

/**
 * Copies the truth of a data folder into a new folder, as of one moment: the events with the log, the bodies of large
 * commits, and the archived log. Views and snapshots follow from these. A server may go on meanwhile: the events are copied
 * in one step that no writer can hold up. The new folder appears when it is whole. What an earlier backup to the same place left behind
 * is removed once its process has ended.
 * @throws BackupError when the source cannot be read or is damaged, or the target is not empty or cannot be written
 */
export async function backUp(dataDir: string, folder: string, options: BackupOptions = {}): Promise<BackupContent> {
  const [source, target] = [resolve(dataDir), resolve(folder)];
  if (isUnfinishedBackup(source))
    throw new BackupError(`${source} is a backup that did not finish, and no data folder`);
  if (!existsSync(join(source, EVENTS))) {
    throw new BackupError(`there is no ${join(source, EVENTS)}; name the data folder of a server with --data`);
  }
  return writing(target, async () => {
    await assertFree(target);
    await mkdir(dirname(target), { recursive: true, mode: 0o700 });
    for (const leftover of await removeLeftovers(target)) options.onLeftover?.(leftover);
    const unfinished = await beginBackup(target);
    try {
      const content = await copyAll(source, unfinished.path, options);
      await rename(unfinished.path, target); // with its lock, so that it is never without
      await rm(join(target, LOCK));
      await sync(dirname(target));
      return content;
    } finally {
      await rm(unfinished.path, { recursive: true, force: true });
      unfinished.release();
    }
  });
}

async function copyAll(source: string, target: string, options: BackupOptions): Promise<BackupContent> {
  const { allowDamage = false, now = () => new Date() } = options;
  const createdAt = now().toISOString();
  copyEvents(join(source, EVENTS), join(target, EVENTS));
  await sync(join(target, EVENTS));
  const copied = new DatabaseSync(join(target, EVENTS), { readOnly: true });
  try {
    const extent = extentOf(copied);
    const copy = new ObjectCopy(new FileObjectStore(source, { readOnly: true }), new FileObjectStore(target));
    await copyBodies(copied, copy);
    await copyArchive(extent.log, copy);
    const { objects, damage } = copy;
    if (damage.length > 0 && !allowDamage) throw damaged(damage);
    const database = await measure(join(target, EVENTS));
    const content = { format: FORMAT, createdAt, ...extent, database, objects, damage } as const;
    await rm(join(target, 'unfinished'), { recursive: true });
    await writeFile(join(target, MANIFEST), encodeManifest(content), { mode: 0o600, flush: true });
    await sync(target);
    return content;
  } finally {
    copied.close();
  }
}

/** One statement, so one moment, however long it takes and whoever writes meanwhile. */
function copyEvents(from: string, to: string): void {
  closeSync(openSync(to, 'wx', 0o600)); // SQLite would let others read it
  let source: DatabaseSync | undefined;
  try {
    source = openSource(from);
    source.prepare('VACUUM INTO ?').run(to);
  } catch (cause) {
    const code = sqliteCode(cause);
    if (code === SqliteCode.corrupt || code === SqliteCode.notADatabase) {
      throw new BackupError(`${from} is damaged and cannot be backed up; restore an earlier backup`, { cause });
    }
    throw cause;
  } finally {
    source?.close();
  }
}

function openSource(path: string): DatabaseSync {
  const unreadable = `${path} cannot be read; make it readable for this user, or name another folder with --data`;
  try {
    const database = new DatabaseSync(path, { readOnly: true, timeout: BUSY_TIMEOUT_MS });
    database.prepare('SELECT 1 FROM sqlite_schema').get();
    return database;
  } catch (cause) {
    if (sqliteCode(cause) !== SqliteCode.cannotOpen && sqliteCode(cause) !== SqliteCode.permission) throw cause;
    throw new BackupError(unreadable, { cause });
  }
}

function extentOf(events: DatabaseSync): Pick<BackupContent, 'commits' | 'events' | 'position' | 'log'> {
  const row = events
    .prepare('SELECT count(*) AS commits, total(count) AS events, coalesce(max(position), 0) AS position FROM commits')
    .get();
  const pages = events.prepare('SELECT partition, max(page) AS last FROM log_pages GROUP BY partition').all();
  return {
    commits: Number(row?.['commits']),
    events: Number(row?.['events']),
    position: Number(row?.['position']),
    log: Object.fromEntries(pages.map(({ partition, last }) => [String(partition), Number(last)])),
  };
}

async function copyBodies(events: DatabaseSync, copy: ObjectCopy): Promise<void> {
  const rows = events
    .prepare(`SELECT stream, version, body FROM commits WHERE substr(body, 1, 1) = ? ORDER BY position`)
    .iterate(Uint8Array.of(CLAIM_CODEC));
  for (const { stream, version, body } of rows) {
    const place = `the body of the commit at version ${version} of stream ${stream}`;
    const claim = claimOf({ body: body as Uint8Array });
    if (claim) await copy.take(claim.key, place, claim.sha256);
    else copy.damage.push(`${place}: its claim cannot be read`);
  }
  await copy.finish();
}

/**
 * Takes the segments up to the last page that the copied events have. Pages that were archived after the moment of the copy
 * are in it, so a segment that goes beyond it is not needed, and its later pages are not of this moment.
 */
async function copyArchive(log: BackupContent['log'], copy: ObjectCopy): Promise<void> {
  for await (const { key } of copy.source.list(MANIFESTS)) {
    const parsed = segmentManifest.safeParse(jsonOf(await copy.source.get(key)));
    if (!parsed.success) {
      copy.damage.push(`the manifest ${key} of the log cannot be read`);
      continue;
    }
    const { partition, lastPage, key: segment, sha256: hash } = parsed.data;
    if (lastPage > (log[partition] ?? 0)) continue;
    await copy.take(segment, `segment ${segment} of the log`, hash);
    await copy.take(key, `the manifest ${key} of the log`);
  }
  await copy.finish();
}

function jsonOf(bytes: Uint8Array | undefined): unknown {
  try {
    return bytes && JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return undefined;
  }
}

/** Copies objects, some side by side, and notes what they are. */
class ObjectCopy {
  readonly source: ObjectStore;
  readonly objects: Record<string, StoredFile> = {};
  readonly damage: string[] = [];
  readonly #target: ObjectStore;
  readonly #limit = pLimit(CONCURRENCY);
  #running: Promise<void>[] = [];

  constructor(source: ObjectStore, target: ObjectStore) {
    this.source = source;
    this.#target = target;
  }

  /** Returns when there is room for another one. @throws when an earlier one could not be written */
  async take(key: string, place: string, expected?: string): Promise<void> {
    this.#running.push(this.#limit(() => this.#copy(key, place, expected)));
    if (this.#running.length >= CONCURRENCY) await this.finish();
  }

  async finish(): Promise<void> {
    const running = this.#running;
    this.#running = [];
    await Promise.all(running);
  }

  async #copy(key: string, place: string, expected: string | undefined): Promise<void> {
    const bytes = await this.source.get(key);
    const hash = bytes && sha256(bytes);
    if (!bytes || !hash) return void this.damage.push(`${place} is missing`);
    if (expected !== undefined && hash !== expected) return void this.damage.push(`${place} has been changed`);
    await this.#target.put(key, bytes);
    this.objects[key] = { bytes: bytes.length, sha256: hash };
  }
}

function damaged(damage: readonly string[]): BackupError {
  const others = damage.length > 1 ? ` and ${damage.length - 1} more` : '';
  return new BackupError(
    `${damage[0]}${others}; annals verify names all damage, --allow-damage backs up what is there`,
  );
}

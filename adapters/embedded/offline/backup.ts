import { closeSync, existsSync, openSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import pLimit from 'p-limit';
import { DatabaseSync } from '../../../core/base/sqlite.ts';
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

/** Settings of {@link backUp}. */
export interface BackupOptions {
  /** Goes on when a large body or a segment of the log is missing or damaged, and lists the damage in the backup. */
  readonly allowDamage?: boolean;
  /** Called for each folder of an unfinished backup to the same place that was not removed. */
  readonly onLeftover?: (leftover: { readonly path: string; readonly inUse: boolean }) => void;
}

/** Longest wait of SQLite for a lock that another program holds, milliseconds. */
const BUSY_TIMEOUT_MS = 5_000;
/** Objects copied side by side. */
const CONCURRENCY = 4;
const MANIFESTS = 'log/manifests/';

/**
 * Copies the source of truth of a data folder into a new folder: the events with the log, the bodies of large commits, and
 * the archived log. Views and snapshots follow from these. A server may use the folder meanwhile: the events are copied in
 * a single statement, as of a single moment. The new folder appears when it is complete. Folders
 * of earlier backups to the same place that did not finish are removed, once their processes have ended.
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
      await rename(unfinished.path, target); // with its lock, so that the folder is always locked
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
  const { allowDamage = false } = options;
  const createdAt = new Date().toISOString();
  copyEvents(join(source, EVENTS), join(target, EVENTS));
  await sync(join(target, EVENTS));
  const copied = new DatabaseSync(join(target, EVENTS), { readOnly: true });
  try {
    const extent = readExtent(copied);
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

/** Copies the events in a single statement, so that the copy is of a single moment, whatever other processes write. */
function copyEvents(from: string, to: string): void {
  closeSync(openSync(to, 'wx', 0o600)); // SQLite itself would make the file readable for other users
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

function readExtent(events: DatabaseSync): Pick<BackupContent, 'commits' | 'events' | 'position' | 'log'> {
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
 * Copies the segments that end at or before the last page of the copied log. The copied database still has pages that were
 * archived after the copy, so it does not need later segments, which also have pages that are newer than the copy.
 */
async function copyArchive(log: BackupContent['log'], copy: ObjectCopy): Promise<void> {
  for await (const { key } of copy.source.list(MANIFESTS)) {
    const parsed = segmentManifest.safeParse(parseJson(await copy.source.get(key)));
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

function parseJson(bytes: Uint8Array | undefined): unknown {
  try {
    return bytes && JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return undefined;
  }
}

/** Copies objects, several side by side, and lists copied files and damage. */
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

  /** Copies an object; returns when a further object may start. @throws the error of an earlier object */
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
    `${damage[0]}${others}; annals verify names all damage, --allow-damage backs up all that is readable`,
  );
}

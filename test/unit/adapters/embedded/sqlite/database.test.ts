import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SqliteCommitStorage } from '../../../../../adapters/embedded/sqlite/commit-storage.ts';
import { openDataFolder, StartupError } from '../../../../../adapters/embedded/sqlite/database.ts';
import type { Commit } from '../../../../../core/store/commit.ts';
import { temporaryFolder } from '../../../../support/temporary-folder.ts';

const parent = temporaryFolder();
let folders = 0;
/** The path of a folder that does not exist yet. */
const newPath = (): string => join(parent, `${++folders}`, 'data');

/** A data folder that was in use and is closed again. */
function usedFolder(): string {
  const path = newPath();
  openDataFolder(path).close();
  return path;
}

function change(file: string, sql: string): void {
  const database = new DatabaseSync(file);
  database.exec(sql);
  database.close();
}

/** Opening fails with one line that matches, and leaves nothing locked behind. */
function expectRefused(path: string, message: RegExp): void {
  for (let attempt = 0; attempt < 2; attempt++) {
    expect(() => openDataFolder(path)).toThrow(StartupError);
    expect(() => openDataFolder(path)).toThrow(message);
    expect(() => openDataFolder(path)).not.toThrow(/\n/);
  }
}

describe('the data folder', () => {
  it.skipIf(process.platform === 'win32')(
    'is for its user alone, whatever the umask, the folder and older files allow',
    () => {
      const path = newPath();
      mkdirSync(path, { recursive: true, mode: 0o755 });
      const umask = process.umask(0);
      onTestFinished(() => void process.umask(umask));
      const modes = () => readdirSync(path).map((file) => (statSync(join(path, file)).mode & 0o777).toString(8));
      for (const already of ['', 'opened before']) {
        const folder = openDataFolder(path);
        folder.events.exec("INSERT OR REPLACE INTO checkpoints VALUES ('x', 1)");
        folder.views.exec("INSERT OR REPLACE INTO checkpoints VALUES ('x', 1)");
        expect(readdirSync(path), already).toEqual(expect.arrayContaining(['events.sqlite-wal', 'views.sqlite-shm']));
        expect(new Set(modes()), already).toEqual(new Set(['600']));
        folder.close();
        for (const file of readdirSync(path)) chmodSync(join(path, file), 0o644);
      }
    },
  );

  it('is created when it does not exist, and keeps its content', () => {
    const path = newPath();
    const first = openDataFolder(path);
    first.events.exec(
      `INSERT INTO commits (stream, version, count, commit_id, keyed, recorded_at, types, body)
       VALUES ('agent-1', 1, 1, 'c', 0, '2026-01-05T09:00:00.000Z', '[]', x'00')`,
    );
    first.close();
    const second = openDataFolder(path);
    expect(second.events.prepare('SELECT stream, position FROM commits').all()).toEqual([
      { stream: 'agent-1', position: 1 },
    ]);
    second.close();
  });

  it('waits for the disk at each commit of events, and not for bookkeeping and views', () => {
    const folder = openDataFolder(newPath());
    const synchronous = (database: DatabaseSync) => database.prepare('PRAGMA synchronous').get()?.['synchronous'];
    const [normal, full] = [1, 2];
    expect(synchronous(folder.events)).toBe(full);
    expect(synchronous(folder.bookkeeping)).toBe(normal);
    expect(synchronous(folder.views)).toBe(normal);
    for (const { journal_mode: mode } of folder.events.prepare('PRAGMA journal_mode').all()) expect(mode).toBe('wal');
    folder.close();
  });

  it('has no write-ahead logs beside the databases after it is closed', () => {
    const path = usedFolder();
    expect(existsSync(join(path, 'events.sqlite'))).toBe(true);
    expect(existsSync(join(path, 'events.sqlite-wal'))).toBe(false);
  });

  it('creates views.sqlite again when it was deleted', () => {
    const path = usedFolder();
    rmSync(join(path, 'views.sqlite'));
    openDataFolder(path).close();
    expect(existsSync(join(path, 'views.sqlite'))).toBe(true);
  });

  it('is refused while another process uses it, and free after that', () => {
    const path = newPath();
    const first = openDataFolder(path);
    expectRefused(path, /is in use by another process.* stop that process/);
    first.close();
    openDataFolder(path).close();
  });

  it.each(['events.sqlite', 'views.sqlite'])('is refused when %s is from a newer Annals', (file) => {
    const path = usedFolder();
    change(join(path, file), 'PRAGMA user_version = 99');
    expectRefused(path, /has version 99.* run the newer Annals/);
  });

  it('is upgraded when it is from an older Annals; its views are built again', () => {
    const path = usedFolder();
    const before = `DROP INDEX views_parked; ALTER TABLE views DROP COLUMN parked; PRAGMA user_version = 1;
      INSERT INTO views VALUES ('agents', 1, '42', 3, 'idle', '{}')`;
    change(join(path, 'views.sqlite'), before);
    const { views, close } = openDataFolder(path);
    expect(views.prepare('SELECT key, version, parked FROM views').all()).toEqual([]);
    expect(views.prepare('SELECT high, low FROM counters').all()).toEqual([]);
    close();
    openDataFolder(path).close();
  });

  it('keeps the commits of an older Annals: their keys are found, and stand for any request', async () => {
    const path = usedFolder();
    const before = `DROP INDEX commits_by_key; ALTER TABLE commits DROP COLUMN digest; DROP TABLE request_notes;
      ALTER TABLE commits DROP COLUMN transaction_id; ALTER TABLE commits DROP COLUMN transaction_size;
      DROP TABLE transactions; DROP TABLE tags;
      DROP TABLE given_event_ids; CREATE INDEX commits_keyed ON commits (stream, commit_id) WHERE keyed = 1;
      INSERT INTO commits (stream, version, count, commit_id, keyed, recorded_at, types, body)
      VALUES ('agent-1', 1, 1, 'key', 1, '2026-01-05T09:00:00.000Z', '["agent.created"]', X'005B5D');
      PRAGMA user_version = 1`;
    change(join(path, 'events.sqlite'), before);
    const { events, close } = openDataFolder(path);
    const storage = new SqliteCommitStorage(events);
    const found = await storage.find('agent-1', 'key');
    expect(found).toMatchObject({ version: 1, commitId: 'key', keyed: true });
    expect(found).not.toHaveProperty('digest');
    const commit = { ...(found as Commit), stream: 'agent-2', digest: 'AAAAAAAAAAAAAAAAAAAAAA' };
    expect(await storage.put(commit, new Map([['e', 1]]))).toBeUndefined();
    const transaction = { id: 't', size: 1 };
    const put = { commit: { ...commit, stream: 'agent-3', keyed: false, transaction }, given: new Map() };
    expect(await storage.transact({ puts: [put], free: [], entries: [], freeTags: [] })).toBeUndefined();
    const range = { from: 1, to: 1, direction: 'forward' } as const;
    expect(await Array.fromAsync(storage.read('agent-3', range))).toMatchObject([{ transaction }]);
    close();
    openDataFolder(path).close();
  });

  it('is refused when a database belongs to another program', () => {
    const path = newPath();
    mkdirSync(path, { recursive: true });
    change(join(path, 'events.sqlite'), 'CREATE TABLE commits (hash TEXT)');
    expectRefused(path, /events\.sqlite is a database of another program/);
  });

  it.each([
    ['events.sqlite', /events\.sqlite is not a database; restore it from a backup or set ANNALS_DATA/],
    ['views.sqlite', /views\.sqlite is not a database; delete it, and Annals builds the views again/],
  ])('is refused when %s is no database', (file, message) => {
    const path = newPath();
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, file), 'not a database '.repeat(100));
    expectRefused(path, message);
  });

  it('is refused when its path, or a folder above it, is a file', () => {
    const file = join(parent, 'file');
    writeFileSync(file, '');
    expectRefused(file, /is not a folder/);
    expectRefused(join(file, 'below'), /is not a folder/);
  });

  it('is refused when its files cannot be opened for writing', () => {
    const path = newPath();
    mkdirSync(join(path, 'lock.sqlite'), { recursive: true }); // root, too, cannot write to a folder
    expectRefused(path, /cannot be written; make it and its files writable/);
  });
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { beforeAll, describe, expect, it } from 'vitest';
import { createEngine } from '../../../../../adapters/embedded/engine/engine.ts';
import { backUp } from '../../../../../adapters/embedded/offline/backup.ts';
import type { BackupContent } from '../../../../../adapters/embedded/offline/backup-folder.ts';
import { compareFolders } from '../../../../../adapters/embedded/offline/comparison.ts';
import { restore } from '../../../../../adapters/embedded/offline/restore.ts';
import { openVerification } from '../../../../../adapters/embedded/offline/verification.ts';
import { openDataFolder, openForReading } from '../../../../../adapters/embedded/sqlite/database.ts';
import { viewsOf } from '../../../../../bin/commands/restore.ts';
import { sha256 } from '../../../../../core/log/segment.ts';
import agents from '../../../../../domain/application.ts';
import { catalogue } from '../../../../support/application.ts';
import { makeArchivedHistory } from '../../../../support/archived-history.ts';
import { step } from '../../../../support/sample-events.ts';
import { temporaryFolder } from '../../../../support/temporary-folder.ts';

const { projections } = agents;

const parent = temporaryFolder();
const original = join(parent, 'original');
const backup = join(parent, 'backup');
const restored = join(parent, 'restored');
const names = projections.map(({ name }) => name);
let content: BackupContent;
let copies = 0;

const copyOf = (folder: string) => {
  const copy = join(parent, `copy-${++copies}`);
  cpSync(folder, copy, { recursive: true });
  return copy;
};

const filesIn = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

const fileLike = (folder: string, pattern: RegExp): string => {
  const file = filesIn(folder).find((path) => pattern.test(path));
  if (!file) throw new Error(`${folder} has nothing like ${pattern}`);
  return file;
};

async function verdictOf(dataDir: string): Promise<string> {
  const { verification, close } = openVerification(dataDir, { projections, catalogue, graceMs: 0 });
  try {
    const run = verification.run();
    for (let taken = await run.next(); ; taken = await run.next()) if (taken.done) return taken.value.verdict;
  } finally {
    close();
  }
}

beforeAll(async () => {
  await makeArchivedHistory(original);
  content = await backUp(original, backup);
  await restore(backup, restored, viewsOf(agents));
}, 30_000);

describe('a backup', () => {
  it('has events of any size and the archived log, and is restored with its views', async () => {
    expect(content).toMatchObject({ commits: 20, events: 20, log: { all: 20 }, damage: [] });
    expect(
      Object.keys(content.objects)
        .map((key) => key.split('/').slice(0, 2).join('/'))
        .toSorted(),
    ).toEqual(['large-events/agent-b', 'log/manifests', 'log/segments']);
    expect(await verdictOf(restored)).toMatch(/20 commits, 20 events, 20 log pages, .* no differences$/);
    const compared = await compareFolders(original, restored, content, names);
    expect(compared).toMatchObject({ commits: 20, pages: 20, moved: 0, differences: [] });
    expect(compared.views).toBeGreaterThan(2);
  });

  it('is of a single moment, and ends, while other processes write', async () => {
    const dataDir = copyOf(original);
    const engine = createEngine({ catalogue, dataDir, projections, logger: { warn: () => {}, error: () => {} } });
    engine.start();
    let writing = true;
    const writers = ['c', 'd'].map(async (agentId) => {
      for (let index = 0; writing; index++) {
        await engine.store.append(`agent-${agentId}`, [step(`${index}`)], { expectedVersion: 'any' });
      }
    });
    const target = join(parent, 'meanwhile');
    const taken = await backUp(dataDir, target);
    const stored = async () => (await Array.fromAsync(engine.store.read('agent-c'))).length;
    const before = await stored();
    await expect.poll(stored).toBeGreaterThan(before); // they went on all the time
    const folder = join(parent, 'of-meanwhile');
    await restore(target, folder, viewsOf(agents));
    const compared = await compareFolders(dataDir, folder, taken, names);
    writing = false;
    await Promise.all(writers);
    await engine.close();
    expect(compared).toMatchObject({ commits: taken.commits, differences: [] });
    expect(await verdictOf(folder)).toMatch(/no differences$/);
  }, 30_000);

  it('is readable for this user only', () => {
    const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);
    for (const folder of [backup, restored]) {
      const inside = readdirSync(folder, { recursive: true, withFileTypes: true });
      const folders = inside
        .filter((entry) => entry.isDirectory())
        .map(({ parentPath, name }) => join(parentPath, name));
      expect(new Set([folder, ...folders].map(mode))).toEqual(new Set(['700']));
      expect(new Set(filesIn(folder).map(mode))).toEqual(new Set(['600']));
    }
  });

  it('is refused when the target is in use or a file, and when there is no original', async () => {
    await expect(backUp(original, backup)).rejects.toThrow(`${backup} is not empty; name a new or empty folder`);
    const missing = backUp(join(parent, 'nowhere'), join(parent, 'of-nothing'));
    await expect(missing).rejects.toThrow('name the data folder of a server with --data');
    const file = join(parent, 'file');
    writeFileSync(file, '');
    await expect(backUp(original, file)).rejects.toThrow(`${file} is a file`);
    await expect(backUp(original, join(file, 'below'))).rejects.toThrow(/cannot be written|is a file/);
    expect(readdirSync(parent).filter((name) => name.includes('unfinished'))).toEqual([]);
  });

  it('removes the folder of a killed backup to the same place, and no other folder', async () => {
    const place = join(parent, 'again');
    const killed = `
      import { beginBackup } from ${JSON.stringify(join(process.cwd(), 'adapters/embedded/offline/unfinished.ts'))};
      const { path } = await beginBackup(${JSON.stringify(place)});
      process.stdout.write(path);
      setInterval(() => {}, 1000);`;
    const start = async () => {
      const child = spawn(process.execPath, ['--input-type=module', '-e', killed]);
      const [path] = await once(child.stdout, 'data');
      const kill = async () => {
        child.kill('SIGKILL');
        await once(child, 'exit');
      };
      return { path: String(path), kill };
    };
    const [left, running] = [await start(), await start()];
    writeFileSync(join(left.path, 'events.sqlite'), 'half of it');
    await left.kill();
    const others = ['again.unfinished-ABC123', 'again-2.unfinished-ABC123', 'again.unfinished-notes'].map((name) =>
      join(parent, name),
    );
    for (const other of others) mkdirSync(other);
    const foreign = new DatabaseSync(join(others[0] ?? '', 'lock.sqlite'));
    foreign.exec('CREATE TABLE of_somebody_else (x)');
    foreign.close();
    const stay: object[] = [];
    await backUp(original, place, { onLeftover: (leftover) => stay.push(leftover) });
    expect(existsSync(left.path)).toBe(false);
    expect([running.path, ...others].map((path) => existsSync(path))).toEqual(Array(4).fill(true));
    expect(stay).toHaveLength(2);
    expect(stay).toEqual(
      expect.arrayContaining([
        { path: running.path, inUse: true },
        { path: others[0], inUse: false },
      ]),
    );
    await running.kill();
    expect(readdirSync(place).toSorted()).toEqual(readdirSync(backup).toSorted());
    for (const path of [running.path, ...others]) rmSync(path, { recursive: true });
  });

  it('that did not finish is neither a backup nor a data folder, even when it is complete', async () => {
    const folder = `${join(parent, 'whole')}.unfinished-ABC123`;
    cpSync(backup, folder, { recursive: true });
    await expect(restore(folder, join(parent, 'of-unfinished'))).rejects.toThrow('a backup that did not finish');
    for (const open of [openDataFolder, openForReading])
      expect(() => open(folder)).toThrow('a backup that did not finish');
    await expect(backUp(folder, join(parent, 'of-unfinished'))).rejects.toThrow('a backup that did not finish');
  });

  it('is refused when the original lacks an object, unless damage is allowed', async () => {
    const dataDir = copyOf(original);
    rmSync(fileLike(dataDir, /large-events/));
    writeFileSync(fileLike(dataDir, /log\/segments/), 'x');
    const target = join(parent, 'damaged');
    await expect(backUp(dataDir, target)).rejects.toThrow(
      'the body of the commit at version 9 of stream agent-b is missing and 1 more',
    );
    const { damage } = await backUp(dataDir, target, { allowDamage: true });
    expect(damage).toEqual([
      'the body of the commit at version 9 of stream agent-b is missing',
      expect.stringMatching(/^segment log\/segments.* has been changed$/),
    ]);
    const damaged = copyOf(original);
    for (const end of ['-wal', '-shm']) rmSync(join(damaged, `events.sqlite${end}`), { force: true });
    writeFileSync(join(damaged, 'events.sqlite'), 'no database at all');
    await expect(backUp(damaged, join(parent, 'of-rubbish'))).rejects.toThrow('events.sqlite is damaged');
  });

  it('leaves out segments that were archived later and end after its last page', async () => {
    const dataDir = copyOf(original);
    const newer = new DatabaseSync(join(dataDir, 'events.sqlite'));
    newer.exec('DELETE FROM log_pages'); // as if the segment were of pages that came later
    newer.close();
    expect(Object.keys((await backUp(dataDir, join(parent, 'older'))).objects)).toHaveLength(1);
  });
});

describe('a restore', () => {
  const broken = (change: (folder: string) => void) => {
    const folder = copyOf(backup);
    change(folder);
    return folder;
  };
  const manifestOf = (folder: string) => JSON.parse(readFileSync(join(folder, 'backup.json'), 'utf8'));
  const rewrite = (folder: string, content: unknown, hash = sha256(Buffer.from(JSON.stringify(content)))) =>
    writeFileSync(join(folder, 'backup.json'), JSON.stringify({ content, sha256: hash }));

  it.each([
    ['without its manifest', 'is no complete backup', (folder: string) => rmSync(join(folder, 'backup.json'))],
    ['cut off', 'has been changed', (folder: string) => writeFileSync(join(folder, 'backup.json'), '{"content":')],
    [
      'with another manifest',
      'backup.json has been changed',
      (folder: string) => rewrite(folder, { ...manifestOf(folder).content, events: 3 }, manifestOf(folder).sha256),
    ],
    [
      'of a newer Annals',
      'is a backup of format 2',
      (folder: string) => rewrite(folder, { ...manifestOf(folder).content, format: 2 }),
    ],
    ['without its events', 'events.sqlite of the backup', (folder: string) => rmSync(join(folder, 'events.sqlite'))],
    [
      'with other events',
      'has been changed',
      (folder: string) => {
        const events = new DatabaseSync(join(folder, 'events.sqlite'));
        events.exec(`UPDATE commits SET recorded_at = recorded_at || ' ' WHERE position = 3`);
        events.close();
      },
    ],
    ['without a body', 'is missing', (folder: string) => rmSync(fileLike(folder, /large-events/))],
    ['with another segment', 'has been changed', (folder: string) => writeFileSync(fileLike(folder, /segments/), 'x')],
  ])('refuses a backup %s, and leaves nothing behind', async (_, message, change) => {
    const [target, empty] = [join(parent, 'refused'), join(parent, 'empty')];
    const changed = broken(change);
    await expect(restore(changed, target)).rejects.toThrow(message);
    expect(readdirSync(parent)).not.toContain('refused');
    mkdirSync(empty, { recursive: true });
    await expect(restore(changed, empty)).rejects.toThrow(message);
    expect(readdirSync(empty)).toEqual([]);
  });

  it('refuses a folder that is not empty', async () => {
    await expect(restore(backup, restored)).rejects.toThrow(`${restored} is not empty`);
  });

  it('that was interrupted leaves no data folder', () => {
    const folder = join(parent, 'cut-off');
    mkdirSync(join(folder, 'unfinished-restore'), { recursive: true });
    expect(() => openDataFolder(folder)).toThrow('did not finish; empty the folder and restore again');
  });
});

describe('the comparison of a restored folder with the original', () => {
  const differencesOf = async (folder: string, of = original) => {
    const { differences } = await compareFolders(of, folder, content, names);
    return differences.map(({ place, kind }) => `${place} ${kind}`);
  };
  const change = (folder: string, file: string, sql: string) => {
    const database = new DatabaseSync(join(folder, file));
    database.exec(sql);
    database.close();
    return folder;
  };

  it('names a commit that is missing, differs, or is only in the restored folder', async () => {
    const folder = copyOf(restored);
    change(folder, 'events.sqlite', 'DELETE FROM commits WHERE position = 4');
    change(folder, 'events.sqlite', `UPDATE commits SET body = x'005b5d' WHERE position = 7`);
    expect(await differencesOf(folder)).toEqual(['agent-a version 4 missing', 'agent-a version 7 differs']);
    expect(await differencesOf(restored, folder)).toContain('agent-a version 4 lost');
  });

  it('names the missing body of a large commit, in either folder', async () => {
    const folder = copyOf(restored);
    rmSync(fileLike(folder, /large-events/));
    expect(await differencesOf(folder)).toEqual(['agent-b version 9 missing']);
    expect(await differencesOf(restored, folder)).toEqual(['agent-b version 9 unreadable']);
  });

  it('names pages of the log, archived or not', async () => {
    const folder = copyOf(restored);
    rmSync(fileLike(folder, /log\/manifests/));
    change(folder, 'events.sqlite', 'DELETE FROM log_pages WHERE page = 19');
    const pages = [...Array(16).keys(), 18].map((index) => `partition all, page ${index + 1} missing`);
    expect(await differencesOf(folder)).toEqual(pages);
    expect(await differencesOf(folder, folder)).toHaveLength(pages.length);
  });

  it('names a view that differs', async () => {
    const folder = change(copyOf(restored), 'views.sqlite', `UPDATE views SET view = '{}' WHERE key = 'a'`);
    expect(await differencesOf(folder)).toContain('agent-status/a differs');
  });
});

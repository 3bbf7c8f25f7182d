import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SqliteCommitStorage } from '../../../../../adapters/embedded/sqlite/commit-storage.ts';
import { type DataFolder, openDataFolder } from '../../../../../adapters/embedded/sqlite/database.ts';
import { UnavailableError } from '../../../../../core/base/errors.ts';
import type { Commit } from '../../../../../core/store/commit.ts';
import { temporaryFolder } from '../../../../support/temporary-folder.ts';

const commit = (stream: string, version: number, more: Partial<Commit> = {}): Commit => ({
  stream,
  version,
  count: 1,
  commitId: `${stream}-${version}`,
  keyed: false,
  recordedAt: '2026-01-05T09:00:00.000Z',
  types: ['agent.step-recorded'],
  body: new Uint8Array([0, 91, 93]),
  ...more,
});

const parent = temporaryFolder();
let folders = 0;
let folder: DataFolder;
let storage: SqliteCommitStorage;

beforeEach(() => {
  folder = openDataFolder(join(parent, `${++folders}`));
  storage = new SqliteCommitStorage(folder.events);
});
afterEach(() => folder.close());

describe('SqliteCommitStorage', () => {
  it('returns commits exactly as they were put', async () => {
    const whole = commit('agent-1', 1, { count: 3, keyed: true, trace: 'Root=1-2', types: ['b', 'a'] });
    await storage.put(whole);
    expect(await storage.find('agent-1', whole.commitId)).toEqual(whole);
    expect(storage.commitsAfter(0, 10)).toEqual([{ position: 1, commit: whole }]);
  });

  it('numbers the commits of all streams from 1 in the order in which they were put', async () => {
    expect(storage.lastPosition()).toBe(0);
    const all = Array.from({ length: 25 }, (_, n) => commit(`agent-${n % 3}`, Math.floor(n / 3) + 1));
    await Promise.all(all.map((each) => storage.put(each)));
    expect(storage.lastPosition()).toBe(25);
    const seen = storage.commitsAfter(0, 10).concat(storage.commitsAfter(10, 100));
    expect(seen).toEqual(all.map((each, index) => ({ position: index + 1, commit: each })));
    expect(storage.commitsAfter(25, 10)).toEqual([]);
  });

  it('leaves no gap in the positions for a put whose version was taken', async () => {
    const first = commit('agent-1', 1);
    const results = await Promise.all([first, commit('agent-1', 1), commit('agent-2', 1)].map((c) => storage.put(c)));
    expect(results).toEqual([undefined, first, undefined]);
    expect(storage.commitsAfter(0, 10).map(({ position }) => position)).toEqual([1, 2]);
  });

  it('stores nothing of a transaction that fails at its second commit, and the other puts of the turn', async () => {
    const given = new Map<string, number>();
    const broken = commit('agent-3', 1, { body: 'no bytes' as never });
    const puts = [commit('agent-2', 1), broken].map((each) => ({ commit: each, given }));
    const mark = { id: 'key', recordedAt: '2026-01-05T09:00:00.000Z', commits: puts.map((put) => put.commit) };
    const results = await Promise.allSettled([
      storage.put(commit('agent-1', 1)),
      storage.transact({ puts, free: [], entries: [], freeTags: [], mark }),
      storage.put(commit('agent-4', 1)),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(storage.commitsAfter(0, 10).map((stored) => stored.commit.stream)).toEqual(['agent-1', 'agent-4']);
    expect(await storage.findMark('key')).toBeUndefined();
  });

  it('stores the other puts of a turn when one cannot be stored', async () => {
    const broken = commit('agent-2', 1, { body: 'no bytes' as never });
    const results = await Promise.allSettled(
      [commit('agent-1', 1), broken, commit('agent-3', 1)].map((c) => storage.put(c)),
    );
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(storage.commitsAfter(0, 10).map((each) => each.commit.stream)).toEqual(['agent-1', 'agent-3']);
  });

  it('reports a full disk by name, stores nothing of that turn, and goes on when there is room', async () => {
    await storage.put(commit('agent-1', 1));
    const pages = Number(folder.events.prepare('PRAGMA page_count').get()?.['page_count']);
    folder.events.exec(`PRAGMA max_page_count = ${pages + 5}`);
    const large = commit('agent-3', 1, { body: new Uint8Array(100_000) });
    const results = await Promise.allSettled([storage.put(commit('agent-2', 1)), storage.put(large)]);
    const refused = results.filter((result) => result.status === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    for (const { reason } of refused) {
      expect(reason).toBeInstanceOf(UnavailableError);
      expect(reason.message).toMatch(/disk .* full/);
    }
    expect(await storage.head('agent-3')).toBe(0);
    expect(await storage.head('agent-2')).toBe(results[0].status === 'fulfilled' ? 1 : 0);
    folder.events.exec('PRAGMA max_page_count = 1000000');
    expect(await storage.put(large)).toBeUndefined();
    expect(await storage.head('agent-3')).toBe(1);
  });

  it('reports a folder that became read-only by name', async () => {
    folder.events.exec('PRAGMA query_only = 1');
    await expect(storage.put(commit('agent-1', 1))).rejects.toThrow(UnavailableError);
    await expect(storage.put(commit('agent-1', 1))).rejects.toThrow(/read-only/);
    folder.events.exec('PRAGMA query_only = 0');
    expect(await storage.put(commit('agent-1', 1))).toBeUndefined();
  });

  it('calls listeners after stored commits, and only then', async () => {
    const heads: number[] = [];
    const stop = storage.onStored(() => heads.push(storage.lastPosition()));
    await Promise.all([storage.put(commit('agent-1', 1)), storage.put(commit('agent-2', 1))]);
    expect(heads).toEqual([2]);
    await storage.put(commit('agent-1', 1));
    expect(heads).toEqual([2]);
    stop();
    await storage.put(commit('agent-1', 2));
    expect(heads).toEqual([2]);
  });

  it('stores puts from before it was closed, and refuses later puts', async () => {
    const before = storage.put(commit('agent-1', 1));
    storage.close();
    expect(await before).toBeUndefined();
    await expect(storage.put(commit('agent-1', 2))).rejects.toThrow(UnavailableError);
    expect(await storage.head('agent-1')).toBe(1);
  });
});

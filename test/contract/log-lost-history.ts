import { expect, test } from 'vitest';
import { LostHistoryError } from '../../core/base/errors.ts';
import { LogArchive } from '../../core/log/archive.ts';
import { LogArchiver } from '../../core/log/archiver.ts';
import { EventLog } from '../../core/log/log.ts';
import type { LogStorage } from '../../core/log/storage.ts';
import { LogWriter } from '../../core/log/writer.ts';
import { LogReplay } from '../../core/replays/log-replay.ts';
import type { Commit } from '../../core/store/commit.ts';
import { catalogue } from '../support/application.ts';
import { History } from '../support/history.ts';
import { dropping } from '../support/memory-log.ts';
import { MemoryObjectStore } from '../support/memory-objects.ts';

const DAY_MS = 86_400_000;

/** The contract of the log after a restore of the events to an earlier moment. */
export function lostHistoryContract(createStorage: () => Promise<LogStorage>): void {
  /** A history with the first commits of a lost history, which continues an hour later. */
  async function restored(lost: readonly Commit[]): Promise<History> {
    const history = new History();
    for (const commit of lost) await history.commits.put(commit);
    history.now = 3_600_000;
    return history;
  }

  const writerOf = (storage: LogStorage, { commits }: History) =>
    new LogWriter({ catalogue, storage, commits, strategy: 'single' });
  const readerOf = (storage: LogStorage, { commits: history }: History) =>
    new EventLog({ catalogue, storage, history, strategy: 'single' });
  const idsIn = async (log: EventLog) => (await Array.fromAsync(log.events(undefined))).map(({ id }) => id);

  test('a log that is ahead of the events refuses reads and writes, with the reason', async () => {
    const storage = await createStorage();
    const lost = new History();
    for (let index = 0; index < 9; index++) await writerOf(storage, lost).append([await lost.commit(`${index % 3}`)]);
    const history = await restored(lost.written.slice(0, 5));
    for (let index = 0; index < 9; index++) {
      const commit = await history.commit(`${index % 3}`); // the new commits take the places of the lost commits
      await expect(writerOf(storage, history).append([commit]), `${index}`).rejects.toThrow(LostHistoryError);
      await expect(idsIn(readerOf(storage, history))).rejects.toThrow('restore the log to that moment, too');
      await expect(readerOf(storage, history).getEventsAfter(undefined)).rejects.toThrow(LostHistoryError);
      const replay = new LogReplay({ catalogue, storage, history: history.commits, strategy: 'single' });
      await expect(replay.extents({})).rejects.toThrow(LostHistoryError);
    }
    expect(await idsIn(readerOf(storage, lost))).toHaveLength(9);
  });

  test('a log that was restored to the same moment or an earlier moment continues', async () => {
    const [whole, storage] = [await createStorage(), await createStorage()];
    const lost = new History();
    for (let index = 0; index < 9; index++) await writerOf(whole, lost).append([await lost.commit(`${index % 3}`)]);
    for await (const page of whole.read('all', { after: 0, limit: 4 })) await storage.put(page);
    const history = await restored(lost.written.slice(0, 6));
    const commits = [];
    for (const agent of ['0', '1', '2']) commits.push(await history.commit(agent));
    await writerOf(storage, history).append(commits);
    const stored = await Promise.all(['0', '1', '2'].map((id) => Array.fromAsync(history.store.read(`agent-${id}`))));
    const logged = await idsIn(readerOf(storage, history));
    expect(logged.toSorted()).toEqual(stored.flatMap((events) => events.map(({ id }) => id)).toSorted());
  });

  test('a single missing commit is damage, not another history', async () => {
    const storage = await createStorage();
    const lost = new History();
    const batch = [await lost.commit('0'), await lost.commit('1'), await lost.commit('2')];
    await writerOf(storage, lost).append(batch);
    const history = await restored(batch.slice(0, 2));
    await writerOf(storage, history).append([await history.commit('3')]);
    expect(await idsIn(readerOf(storage, history))).toHaveLength(4);
  });

  test('an archive with pages that the log lacks is refused', async () => {
    const objects = new MemoryObjectStore();
    const [before, after] = [await createStorage(), await createStorage()];
    const lost = new History();
    for (let day = 0; day < 30; day++) {
      lost.now = day * DAY_MS;
      await writerOf(before, lost).append([await lost.commit(`${day % 3}`)]);
      if (day < 15) for await (const page of before.read('all', { after: day, limit: 1 })) await after.put(page);
    }
    const archiverOf = (storage: LogStorage, days: number) =>
      new LogArchiver({
        catalogue,
        ...{ storage: dropping(storage), archive: new LogArchive(objects), strategy: 'single', compression: true },
        ...{ retentionDays: 10, now: () => new Date(Date.parse('2026-01-05T09:00:00.000Z') + days * DAY_MS) },
      });
    expect((await archiverOf(before, 30).run()).pages).toBe(20);
    const history = await restored(lost.written.slice(0, 15));
    for (let day = 15; day < 40; day++) {
      history.now = day * DAY_MS + 3_600_000;
      await writerOf(after, history).append([await history.commit(`${day % 3}`)]);
      if (day !== 17 && day !== 25 && day !== 39) continue;
      await expect(archiverOf(after, day + 1).run(), `day ${day}`).rejects.toThrow('of a history before a restore');
      expect(await Array.fromAsync(after.read('all', { after: 0 }))).toHaveLength(day + 1);
    }
    for await (const { key } of objects.list('log/manifests/all/')) await objects.delete(key); // as the error says
    expect((await archiverOf(after, 40).run()).pages).toBe(30);
  });
}

import { describe, expect, it } from 'vitest';
import type { PartitionStrategy } from '../../../../core/log/partition.ts';
import { LogWriter } from '../../../../core/log/writer.ts';
import { LogReplay } from '../../../../core/replays/log-replay.ts';
import type { LogScope, ReplayRange } from '../../../../core/replays/replay-log.ts';
import { catalogue } from '../../../support/application.ts';
import { History, placeOf } from '../../../support/history.ts';
import { MemoryLogStorage } from '../../../support/memory-log.ts';

/** Four pages: agents 1, 2, 1, 3, recorded at 1 to 4 ms; the third was logged after the fourth. */
async function written(strategy: PartitionStrategy = 'single') {
  const history = new History();
  const storage = new MemoryLogStorage();
  const writer = new LogWriter({ catalogue, storage, commits: history.commits, strategy });
  const commits = [
    await history.commit('1', 2),
    await history.commit('2'),
    await history.commit('1', 3),
    await history.commit('3'),
  ];
  for (const n of [0, 1, 3, 2]) await writer.append(commits.slice(n, n + 1));
  const log = new LogReplay({ catalogue, storage, strategy });
  const read = async (range: ReplayRange, scope: LogScope = {}) => {
    const pages = await Array.fromAsync(log.pages(range, scope));
    return {
      places: pages.flatMap((page) => page.commits.map(placeOf)),
      events: pages.reduce((sum, page) => sum + page.events, 0),
    };
  };
  return { log, read };
}

const at = (ms: number) => `2026-01-05T09:00:00.00${ms}Z`;

describe('the log as a replay reads it', () => {
  it('tells how many pages and events there are', async () => {
    const { log } = await written();
    expect(await log.extents({})).toEqual([{ partition: 'all', from: 1, to: 4, events: 7 }]);
    expect(await new LogReplay({ catalogue, storage: new MemoryLogStorage(), strategy: 'single' }).extents({})).toEqual(
      [],
    );
  });

  it('has a partition for each aggregate type when it is divided so', async () => {
    const { log } = await written('by_aggregate_type');
    expect(await log.extents({ aggregateType: 'agent' })).toEqual([{ partition: 'agent', from: 1, to: 4, events: 7 }]);
    expect(await log.extents({ aggregateType: 'task' })).toEqual([]);
  });

  it('has the partitions of a sharded log, and reads every commit of them once', async () => {
    const { log, read } = await written('sharded');
    const extents = await log.extents({});
    expect(extents.reduce((sum, { events }) => sum + events, 0)).toBe(7);
    const places = await Promise.all(extents.map(async (range) => (await read(range)).places));
    expect(places.flat().toSorted()).toEqual(['agent-1 1-2', 'agent-1 3-5', 'agent-2 1-1', 'agent-3 1-1']);
  });

  it('is read in ranges that hold every page once', async () => {
    const { read } = await written();
    const range = (from: number, to: number) => ({ partition: 'all', from, to });
    expect(await read(range(1, 2))).toEqual({ places: ['agent-1 1-2', 'agent-2 1-1'], events: 3 });
    expect(await read(range(3, 4))).toEqual({ places: ['agent-3 1-1', 'agent-1 3-5'], events: 4 });
  });

  it('is never read as if it ended where a page is lost', async () => {
    const { read } = await written();
    await expect(read({ partition: 'all', from: 3, to: 9 })).rejects.toThrow(
      "page 5 of the log's partition all is missing; the log ends before it",
    );
  });

  it('of a time has all that was recorded then, however late it was logged', async () => {
    const { log, read } = await written();
    const scope = { from: at(2), to: at(3) };
    const [extent] = await log.extents(scope);
    if (!extent) throw new Error('there is something');
    expect(extent.from).toBe(2);
    expect((await read(extent, scope)).places).toEqual(['agent-2 1-1', 'agent-1 3-5']);
    expect(await log.extents({ from: at(9) })).toEqual([]);
  });

  it('of other types or aggregates passes the commits by, and counts their events', async () => {
    const { read } = await written();
    const all = { partition: 'all', from: 1, to: 4 };
    expect(await read(all, { types: ['agent.created'] })).toEqual({ places: [], events: 7 });
    expect(await read(all, { aggregateType: 'task' })).toEqual({ places: [], events: 7 });
  });
});

import { ulid } from 'ulid';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import type { Parked } from '../../core/projections/parked.ts';
import type { StoredView } from '../../core/projections/projection.ts';
import type { Increments } from '../../core/projections/shared-projection.ts';
import { MAX_COUNTERS, MAX_ITEMS, type SharedViewStore } from '../../core/projections/shared-view-store.ts';
import type { ViewStore } from '../../core/projections/view-store.ts';

interface Stores {
  readonly shared: SharedViewStore;
  /** The store of the checkpoints. */
  readonly views: ViewStore;
}

/** The contract of a store of shared views. `create` is called once; each test uses another projection. */
export function sharedViewStoreContract(name: string, create: () => Promise<Stores>): void {
  describe(`shared view store on ${name}`, () => {
    let created: Stores | undefined;
    beforeAll(async () => {
      created = await create();
    });
    const stores = (): Stores => {
      if (!created) throw new Error('the stores were not created');
      return created;
    };
    describe('additions', () => additionContract(stores));
    describe('ranking', () => rankingContract(stores));
  });
}

const newPlace = () => ({ projection: `fleet-${ulid()}`, generation: 1 });
type Place = ReturnType<typeof newPlace>;

const checkpoint = (place: Place, key: string, version: number, more: Partial<StoredView> = {}): StoredView => ({
  ...place,
  key,
  version,
  group: '',
  view: { state: 'idle' },
  ...more,
});
const counts = (views: Record<string, Record<string, number | bigint>>): Increments =>
  new Map(
    Object.entries(views).map(([key, counters]) => [
      key,
      new Map(Object.entries(counters).map(([path, n]) => [path, BigInt(n)])),
    ]),
  );

const mark: Parked = { version: 2, error: 'Error: no', since: '2026-01-05T09:00:00.000Z', attempts: [] };

function additionContract(stores: () => Stores): void {
  test('a view without additions is absent', async () => {
    expect(await stores().shared.read(newPlace(), 'all', 3)).toBeUndefined();
  });

  test('counters with any name add up over calls and shards, also below zero', async () => {
    const place = newPlace();
    const { shared, views } = stores();
    const names = { '/agents/running': 1, '/types/a~1b "ü" 🦜.c': 5, '/__proto__': 2, '/version': 7 };
    const first = [{ next: checkpoint(place, 'agent-1', 1), expectedVersion: 0 }];
    expect(await shared.add(first, { ...place, increments: counts({ all: names, day: { '/n': 1 } }), shard: 0 })).toBe(
      true,
    );
    const second = [{ next: checkpoint(place, 'agent-2', 3), expectedVersion: 0 }];
    const less = counts({ all: { '/agents/running': -4, '/version': 1_000_000_000_000 } });
    expect(await shared.add(second, { ...place, increments: less, shard: 2 })).toBe(true);
    expect(await shared.read(place, 'all', 3)).toEqual(
      new Map([...Object.entries(names), ['/agents/running', -3], ['/version', 1_000_000_000_007]]),
    );
    expect(await shared.read(place, 'day', 3)).toEqual(new Map([['/n', 1]]));
    expect(await shared.read({ ...place, generation: 2 }, 'all', 3)).toBeUndefined();
    expect(await views.get(place.projection, 1, 'agent-1')).toEqual(checkpoint(place, 'agent-1', 1));
    expect(await views.get(place.projection, 1, 'agent-2')).toEqual(checkpoint(place, 'agent-2', 3));
  });

  test('a counter has no limit and shows at most 2^53 - 1, so that additions can be reversed in any order', async () => {
    const place = newPlace();
    const { shared } = stores();
    const most = BigInt(Number.MAX_SAFE_INTEGER);
    const add = (n: bigint, shard: number) =>
      shared.add([], { ...place, increments: counts({ all: { '/n': n } }), shard });
    const read = async () => (await shared.read(place, 'all', 2))?.get('/n');
    for (let n = 0; n < 5; n++) await add(most * 2_500n, n % 2); // beyond 64 bits
    expect(await read()).toBe(Number.MAX_SAFE_INTEGER);
    for (let n = 0; n < 5; n++) await add(-most * 2_500n, 0);
    expect(await read()).toBe(0);
    await add(-5n, 1);
    expect(await read()).toBe(-5);
    await add(-most * 2_500n, 0);
    expect(await read()).toBe(-Number.MAX_SAFE_INTEGER);
    await add(most * 2_500n + 12n, 1);
    expect(await read()).toBe(7);
  });

  test('nothing is written when a checkpoint or mark is not as expected', async () => {
    const place = newPlace();
    const { shared, views } = stores();
    const increments = counts({ all: { '/n': 1 } });
    const add = (writes: Parameters<SharedViewStore['add']>[0]) =>
      shared.add(writes, { ...place, increments, shard: 0 });
    expect(await add([{ next: checkpoint(place, 'agent-1', 1), expectedVersion: 0 }])).toBe(true);
    expect(await views.put(checkpoint(place, 'agent-2', 1, { parked: mark }), 0)).toBe(true);
    const fine = { next: checkpoint(place, 'agent-3', 1), expectedVersion: 0 };
    for (const stale of [
      { next: checkpoint(place, 'agent-1', 2), expectedVersion: 0 },
      { next: checkpoint(place, 'agent-1', 3), expectedVersion: 2 },
      { next: checkpoint(place, 'agent-2', 2), expectedVersion: 1 },
      { next: checkpoint(place, 'agent-1', 2), expectedVersion: 1, expectedMark: mark },
    ]) {
      expect(await add([fine, stale])).toBe(false);
    }
    expect(await views.get(place.projection, 1, 'agent-3')).toBeUndefined();
    expect(await shared.read(place, 'all', 1)).toEqual(new Map([['/n', 1]]));
    expect(await add([fine, { next: checkpoint(place, 'agent-2', 2), expectedVersion: 1, expectedMark: mark }])).toBe(
      true,
    );
    expect(await shared.read(place, 'all', 1)).toEqual(new Map([['/n', 2]]));
  });

  test('simultaneous writers lose nothing and count nothing twice', async () => {
    const place = newPlace();
    const { shared } = stores();
    const write = async (writer: number) => {
      const add = (from: number) =>
        shared.add([{ next: checkpoint(place, `agent-${writer % 4}`, from + 1), expectedVersion: from }], {
          ...place,
          increments: counts({ all: { '/n': 1 } }),
          shard: writer % 2,
        });
      let won = 0;
      for (let version = 0; version < 5; version++) if (await add(version)) won++;
      return won;
    };
    const won = await Promise.all(Array.from({ length: 8 }, (_, writer) => write(writer)));
    const total = won.reduce((sum, n) => sum + n, 0);
    expect(total).toBe(20); // four streams of five versions, each won once
    expect(await shared.read(place, 'all', 2)).toEqual(new Map([['/n', 20]]));
  });

  test.each([1, 50, MAX_ITEMS - 1])('the promised number of items fits in one call, with %i checkpoints', async (n) => {
    const place = newPlace();
    const { shared } = stores();
    const writes = Array.from({ length: n }, (_, index) => ({
      next: checkpoint(place, `agent-${index}`, 1),
      expectedVersion: 0,
    }));
    const last = MAX_ITEMS - n - 1;
    const many = Object.fromEntries(Array.from({ length: last + 1 }, (_, index) => [`view-${index}`, { '/n': index }]));
    expect(await shared.add(writes, { ...place, increments: counts(many), shard: 0 })).toBe(true);
    expect(await shared.read(place, `view-${last}`, 1)).toEqual(new Map([['/n', last]]));
  });

  test('the promised number of counters of a view fits in one call', async () => {
    const place = newPlace();
    const { shared } = stores();
    const counters = Object.fromEntries(Array.from({ length: MAX_COUNTERS }, (_, index) => [`/c${index}`, 1]));
    const write = { next: checkpoint(place, 'agent-1', 1), expectedVersion: 0 };
    const addition = { ...place, increments: counts({ all: counters }), shard: 0, rank: 'c1' };
    expect(await shared.add([write], addition)).toBe(true);
    expect(await shared.read(place, 'all', 1)).toEqual(new Map(Object.entries(counters)));
  });

  test('all keys of a generation are found, and removed with it', async () => {
    const place = newPlace();
    const { shared } = stores();
    const keys = () => Array.fromAsync(shared.keys(place)).then((found) => found.toSorted());
    for (const shard of [0, 1]) {
      await shared.add([], { ...place, increments: counts({ a: { '/n': 1 }, b: { '/n': 1 } }), shard });
    }
    await shared.add([], { ...place, generation: 2, increments: counts({ c: { '/n': 1 } }), shard: 0 });
    await vi.waitFor(async () => expect(await keys()).toEqual(['a', 'b']), { timeout: 5_000 });
    await shared.remove(place);
    await vi.waitFor(async () => expect(await keys()).toEqual([]), { timeout: 5_000 });
    expect(await shared.read(place, 'a', 2)).toBeUndefined();
    expect(await shared.read({ ...place, generation: 2 }, 'c', 1)).toEqual(new Map([['/n', 1]]));
  });
}

function rankingContract(stores: () => Stores): void {
  test('views are listed by the counter that ranks them, highest first', async () => {
    const place = newPlace();
    const { shared } = stores();
    const add = (views: Record<string, Record<string, number>>) =>
      shared.add([], { ...place, increments: counts(views), shard: 0, rank: 'done' });
    await add({ a: { '/done': 3 }, b: { '/done': 5, '/other': 1 }, c: { '/other': 9 } });
    await add({ a: { '/done': 4 }, d: { '/done': 1 } });
    const top = (limit: number) => shared.top(place, 'done', limit).then((found) => found.map(({ key }) => key));
    await vi.waitFor(async () => expect(await top(10)).toEqual(['a', 'b', 'd']), { timeout: 5_000 });
    expect(await top(2)).toEqual(['a', 'b']);
    expect((await shared.top(place, 'done', 2))[1]?.counters).toEqual(
      new Map([
        ['/done', 5],
        ['/other', 1],
      ]),
    );
  });
}

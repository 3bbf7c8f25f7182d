import { ulid } from 'ulid';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { CorruptDataError } from '../../core/base/errors.ts';
import { LargeViewStore, ViewClaims, withLargeCheckpoints } from '../../core/projections/large-views.ts';
import type { StoredView } from '../../core/projections/projection.ts';
import type { SharedViewStore } from '../../core/projections/shared-view-store.ts';
import type { ViewStore } from '../../core/projections/view-store.ts';
import { MemoryObjectStore } from '../support/memory-objects.ts';
import { noise } from '../support/sample-events.ts';

interface Stores {
  readonly views: ViewStore;
  readonly shared: SharedViewStore;
}

/** Views of any size over a store for small views. */
export function largeViewsContract(name: string, create: () => Promise<Stores>): void {
  describe(`large views on ${name}`, () => {
    let stores: Stores;
    beforeAll(async () => {
      stores = await create();
    });

    function setup() {
      const objects = new MemoryObjectStore();
      const claims = new ViewClaims(objects);
      const projection = `large-${ulid()}`;
      const view = (version: number, content: object, more: Partial<StoredView> = {}): StoredView =>
        ({ projection, generation: 1, key: '42', version, group: 'idle', view: content, ...more }) as StoredView;
      const views = new LargeViewStore(stores.views, claims);
      const read = async (key = '42') => (await views.get(projection, 1, key)) as StoredView;
      const keys = async () => (await Array.fromAsync(objects.list('large-views/'))).map(({ key }) => key);
      return { objects, claims, projection, view, views, read, keys };
    }
    const large = { text: noise(400_000), nested: [{ 'a/b': null }] };

    test('are read as they were written, with members of any name and any large part', async () => {
      const { views, view, read, keys } = setup();
      const named = JSON.parse('{"__proto__":{"x":1},"":2}');
      const wide = Object.fromEntries(Array.from({ length: 3_000 }, (_, n) => [`m${n}`, noise(300)]));
      const contents = [{ configuration: large, steps: 0, ...named }, { a: large, b: large, c: 1 }, wide, { é: large }];
      for (const [index, content] of contents.entries()) {
        const { aside: _, ...stored } = view(index + 1, content);
        expect(await views.put({ ...(await read()), ...stored }, index)).toBe(true);
        const { aside: __, ...whole } = await read();
        expect(JSON.stringify(Object.entries(whole.view ?? {}).toSorted())).toBe(
          JSON.stringify(Object.entries(content).toSorted()),
        );
        expect(whole.version).toBe(index + 1);
      }
      expect((await keys()).length).toBe(1);
      expect(JSON.stringify(await stores.views.get(view(1, {}).projection, 1, '42')).length).toBeLessThan(1_000);
    });

    test('have parts that are written once, and removed when they change or shrink', async () => {
      const { views, view, read, keys, objects } = setup();
      const put = vi.spyOn(objects, 'put');
      await views.put(view(1, { configuration: large, steps: 0 }), 0);
      const [first] = await keys();
      await views.put({ ...(await read()), ...view(2, { configuration: large, steps: 1 }) }, 1);
      expect([await keys(), put.mock.calls.length]).toEqual([[first], 1]);
      await views.put({ ...(await read()), ...view(3, { configuration: { text: noise(50_000) }, steps: 1 }) }, 2);
      expect((await keys()).length).toBe(1);
      expect(await keys()).not.toContain(first);
      await views.put({ ...(await read()), ...view(4, { configuration: {}, steps: 1 }) }, 3);
      expect(await keys()).toEqual([]);
      expect(await read()).toEqual(view(4, { configuration: {}, steps: 1 }));
    });

    test('that lose a race leave the winner complete, and their parts are removed after an hour', async () => {
      const { views, view, read, keys, claims } = setup();
      expect(await views.put(view(1, { a: large }), 0)).toBe(true);
      expect(await views.put(view(1, { a: large }), 0)).toBe(false);
      expect((await read()).view).toEqual({ a: large });
      expect((await keys()).length).toBe(2);
      const later = (ms: number) => new Date(Date.now() + ms);
      expect(await claims.sweep(stores.views, later(3_000_000))).toEqual([]);
      expect((await claims.sweep(stores.views, later(4_000_000))).length).toBe(1);
      expect((await read()).view).toEqual({ a: large });
      expect(await claims.sweep(stores.views, later(30 * 24 * 3_600_000))).toEqual([]);
    });

    test('are read again when they are replaced during the read; a missing part is an error with its name', async () => {
      const { views, view, read, objects, keys } = setup();
      await views.put(view(1, { a: large }), 0);
      const stale = await read();
      const get = vi.spyOn(objects, 'get').mockImplementationOnce(async () => {
        await views.put({ ...stale, ...view(2, { a: { text: noise(60_000) } }) }, 1);
        return undefined;
      });
      expect((await read()).version).toBe(2);
      get.mockRestore();
      for (const key of await keys()) await objects.delete(key);
      await expect(read()).rejects.toThrow(CorruptDataError);
    });

    test('are complete in lists, whose pages have a limit of bytes', async () => {
      const { views, view, projection } = setup();
      const ids = Array.from({ length: 12 }, (_, n) => `k${10 + n}`);
      for (const key of ids) await views.put(view(1, { a: { ...large, text: noise(600_000) } }, { key }), 0);
      const listed: string[] = [];
      const pages: number[] = [];
      await vi.waitFor(async () => {
        listed.length = 0;
        pages.length = 0;
        let after: string | undefined;
        do {
          const page = await views.list(projection, 1, 'idle', { limit: 10, after });
          for (const { key, view } of page.views) if (JSON.stringify(view).length > 600_000) listed.push(key);
          pages.push(page.views.length);
          after = page.next;
        } while (after !== undefined);
        expect(listed).toEqual(ids);
      }, 5_000);
      expect(Math.max(...pages)).toBeLessThan(10);
    });

    test('are listed without their large parts for readers of keys and versions', async () => {
      const { views, view, projection, objects } = setup();
      await views.put(view(1, { configuration: large, steps: 3 }), 0);
      const get = vi.spyOn(objects, 'get');
      const page = await views.list(projection, 1, 'idle', { limit: 9, withoutAside: true });
      expect(page.views).toMatchObject([{ key: '42', version: 1, view: { steps: 3 } }]);
      expect(get).not.toHaveBeenCalled();
    });

    test('are removed with their generation', async () => {
      const { views, view, keys, claims, projection } = setup();
      await views.put(view(1, { a: large }), 0);
      await views.put(view(1, { a: large }, { generation: 11 }), 0);
      expect(await claims.remove({ projection, generation: 1 }, 0)).toBe(false);
      expect(await claims.remove({ projection, generation: 1 }, Number.POSITIVE_INFINITY)).toBe(true);
      expect((await keys()).map((key) => key.split('/')[2])).toEqual(['11']);
    });

    test('the memory of a stream in a shared projection may be large, too', async () => {
      const { views, view, read, claims, keys, projection } = setup();
      const shared = withLargeCheckpoints(stores.shared, claims);
      const place = { projection, generation: 1, shard: 0 };
      const increments = new Map([['all', new Map([['/n', 1n]])]]);
      const add = (next: StoredView, expectedVersion: number) =>
        shared.add([{ next, expectedVersion }], { ...place, increments });
      expect(await add(view(1, { completed: large }, { group: '' }), 0)).toBe(true);
      expect(await add(view(2, { completed: large }, { group: '' }), 0)).toBe(false);
      expect((await read()).view).toEqual({ completed: large });
      const { aside } = await read();
      expect(await add(view(2, { completed: [] }, { group: '', ...(aside ? { aside } : {}) }), 1)).toBe(true);
      expect(await shared.read(place, 'all', 1)).toEqual(new Map([['/n', 2]]));
      expect((await views.get(projection, 1, '42'))?.view).toEqual({ completed: [] });
      expect((await keys()).length).toBe(1); // of the view that lost
    });
  });
}

import { ulid } from 'ulid';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { PayloadTooLargeError } from '../../core/base/errors.ts';
import { type ListEntry, listPlace } from '../../core/projections/entries.ts';
import type { StoredView } from '../../core/projections/projection.ts';
import type { ViewStore } from '../../core/projections/view-store.ts';
import type { GenerationStore } from '../../core/replays/generation-store.ts';

interface Stores {
  readonly views: ViewStore;
  readonly generations: GenerationStore;
}

/** The contract of a store of views for lists of entries. Each test uses another projection. */
export function viewEntriesContract(name: string, create: () => Promise<Stores>): void {
  describe(`entries of views on ${name}`, () => {
    let created: Stores | undefined;
    beforeAll(async () => {
      created = await create();
    });
    const stores = (): Stores => {
      if (!created) throw new Error('the stores were not created');
      return created;
    };
    listedContract(stores);
    changeContract(stores);
    removalContract(stores);
  });
}

/** Work on the views of a new projection. */
function newViews({ views }: Stores) {
  const projection = `tasks-${ulid()}`;
  /** Writes the next version of a view. @returns whether it was written */
  const put = async (key: string, entries: readonly ListEntry[] | undefined, generation = 1): Promise<boolean> => {
    const before = await read(key, generation);
    return putFrom(before, entries);
  };
  const read = async (key: string, generation = 1): Promise<StoredView> =>
    (await views.get(projection, generation, key)) ?? {
      ...{ projection, generation, key },
      ...{ version: 0, group: '', view: undefined },
    };
  const putFrom = (before: StoredView, entries: readonly ListEntry[] | undefined) => {
    const version = before.version + 1;
    return views.put({ ...before, version, group: 'open', view: { version } }, before.version, before.parked, entries);
  };
  const page = async (list: string, options: { limit?: number; after?: string } = {}, generation = 1) => {
    const { listed, next } = await views.listed(projection, generation, list, { limit: 100, ...options });
    return { places: listed.map(({ order, view }) => listPlace(order, view.key)), next };
  };
  /** Waits for the expected list, because lists may be behind for a moment. */
  const lists = (list: string, places: readonly string[], generation = 1) =>
    vi.waitFor(async () => expect(await page(list, {}, generation)).toEqual({ places, next: undefined }), {
      timeout: 10_000,
      interval: 50,
    });
  return { projection, put, putFrom, read, page, lists };
}

const at = (list: string, order = '5'): ListEntry => ({ list, order });
const many = (count: number, name: (n: number) => string, order = '1'): ListEntry[] =>
  Array.from({ length: count }, (_, n) => at(name(n), order)).toSorted((a, b) => (a.list < b.list ? -1 : 1));

function listedContract(stores: () => Stores): void {
  test('the views of a list stand in their order, then by key, page by page', async () => {
    const { put, page, lists } = newViews(stores());
    const placed = [
      ...[
        ['a', '5'],
        ['b', '5'],
        ['A', '5'],
        ['c', '10'],
        ['d', '5-1'],
        ['e', '5.1'],
        ['f', 'Z'],
        ['g', '~'],
      ],
    ] as const;
    for (const [key = '', order] of placed.toReversed()) await put(key, [at('inbox', order), at('other')]);
    await put('none', []);
    await put('else', [at('inbox2')]);
    const sorted = ['10 c', '5 A', '5 a', '5 b', '5-1 d', '5.1 e', 'Z f', '~ g'];
    await lists('inbox', sorted);
    await lists('inbox2', ['5 else']);
    await lists('inb', []);
    for (const limit of [1, 3, 8]) {
      const seen: string[] = [];
      let after: string | undefined;
      do {
        const { places, next } = await page('inbox', { limit, ...(after ? { after } : {}) });
        expect(places.length).toBeLessThanOrEqual(limit);
        seen.push(...places);
        after = next;
      } while (after !== undefined);
      expect(seen, `pages of ${limit}`).toEqual(sorted);
    }
    expect((await page('inbox', { after: '5-' })).places).toEqual(['5-1 d', '5.1 e', 'Z f', '~ g']);
    expect((await page('inbox', { after: '5' })).places).toEqual(sorted.slice(1));
  });

  test('lists have names of any characters but control characters, and are separate', async () => {
    const { put, lists } = newViews(stores());
    const names = ['type:Zoë 🦜/"quoted" \\ %', 'type:zoë', 'a/b', 'a', '@a', '=', `x${'y'.repeat(255)}`].toSorted();
    await put(
      'a',
      names.map((list) => at(list)),
    );
    await put('a/b'.replace('/', ':'), [at('b/5')]);
    for (const name of names) await lists(name, ['5 a']);
    await lists('b/5', ['5 a:b']);
    await lists('b', []);
  });

  test('a view is read with its entries, wherever it is read', async () => {
    const { projection, put, read, lists } = newViews(stores());
    const entries = [at('x', '2'), at('y', '1')];
    await put('a', entries);
    await lists('x', ['2 a']);
    const stored = { projection, generation: 1, key: 'a', version: 1, group: 'open', view: { version: 1 }, entries };
    expect(await read('a')).toEqual(stored);
    const { views } = stores();
    expect(await views.listed(projection, 1, 'x', { limit: 5 })).toEqual({ listed: [{ order: '2', view: stored }] });
    await vi.waitFor(async () => {
      expect(await views.list(projection, 1, 'open', { limit: 5 })).toEqual({ views: [stored] });
    });
  });
}

function changeContract(stores: () => Stores): void {
  test('a view leaves and enters lists, and moves within them, with the write of the view', async () => {
    const { put, lists, read } = newViews(stores());
    await put('a', [at('x'), at('y')]);
    await put('b', [at('x'), at('y')]);
    await put('a', [at('y', '9'), at('z')]);
    await lists('x', ['5 b']);
    await lists('y', ['5 b', '9 a']);
    await lists('z', ['5 a']);
    await put('a', undefined);
    await lists('z', ['5 a']);
    await put('a', []);
    expect(await read('a')).not.toHaveProperty('entries');
    for (const [list, places] of Object.entries({ x: ['5 b'], y: ['5 b'], z: [] })) await lists(list, places);
  });

  test('a write that is not made changes no entry', async () => {
    const { put, putFrom, lists, read } = newViews(stores());
    await put('a', [at('x')]);
    const stale = await read('a');
    await put('a', [at('y')]);
    expect(await putFrom(stale, [at('z')])).toBe(false);
    await lists('x', []);
    await lists('y', ['5 a']);
    await lists('z', []);
    const large = { ...(await read('a')), view: { text: 'é'.repeat(200_000) } };
    const { views } = stores();
    await expect(views.put({ ...large, version: 3 }, 2, undefined, [at('z')])).rejects.toThrow(PayloadTooLargeError);
    await lists('y', ['5 a']);
  });

  test('one of several writers wins, with all of its entries', async () => {
    const { put, putFrom, lists, read } = newViews(stores());
    await put('old', [at('x')]);
    for (const key of ['old', 'new']) {
      const before = await read(key);
      const entries = (writer: number) => [at(`all-${key}`, `${writer}`), at(`of-${key}-${writer}`)];
      const won = await Promise.all([0, 1, 2, 3].map((writer) => putFrom(before, entries(writer))));
      expect(won.filter(Boolean)).toHaveLength(1);
      const winner = won.indexOf(true);
      await lists(`all-${key}`, [`${winner} ${key}`]);
      for (const writer of [0, 1, 2, 3]) await lists(`of-${key}-${writer}`, writer === winner ? [`5 ${key}`] : []);
      expect((await read(key)).entries).toEqual(entries(winner));
    }
    await lists('x', []);
  });

  test('all hundred entries of a view can come, move and go in one write', async () => {
    const { projection, put, lists, read } = newViews(stores());
    const first = many(100, (n) => `agent-${n}`);
    const moved = many(100, (n) => `agent-${n}`, '2');
    const others = many(100, (n) => `pool-${n}`, '2');
    const changes: [ListEntry[], ListEntry[]][] = [
      [[], first],
      [first, moved],
      [moved, others],
      [others, []],
    ];
    for (const [before, after] of changes) {
      expect(await put('a', after)).toBe(true);
      const stored = await read('a');
      expect(stored.entries ?? []).toEqual(after);
      expect(stored).not.toHaveProperty('surplus');
      const names = new Set([...before, ...after].map(({ list }) => list));
      for (const name of names) {
        const order = after.find(({ list }) => list === name)?.order;
        await lists(name, order === undefined ? [] : [`${order} a`]);
      }
    }
    expect(await read('a')).toMatchObject({ projection, version: 4 });
  });

  test('writers of a hundred entries side by side leave those of the last', async () => {
    const { putFrom, lists, read } = newViews(stores());
    const names = (writer: number) => many(100, (n) => `${writer}-${n}`);
    const write = async (writer: number): Promise<void> => {
      while (!(await putFrom(await read('a'), names(writer))));
    };
    await Promise.all([0, 1, 2].map(write));
    const stored = await read('a');
    expect(stored.version).toBe(3);
    const last = [0, 1, 2].find((writer) => stored.entries?.[0]?.list === `${writer}-0`) ?? -1;
    expect(stored.entries).toEqual(names(last));
    for (const writer of [0, 1, 2]) {
      for (const n of [0, 50, 98, 99]) await lists(`${writer}-${n}`, writer === last ? ['1 a'] : []);
    }
  });
}

function removalContract(stores: () => Stores): void {
  test('generations have lists of their own, and a removed generation has none', async () => {
    const { projection, put, lists } = newViews(stores());
    await put('a', [at('x'), at('y')], 1);
    await put('b', [at('x')], 1);
    await put('a', [at('x', '7')], 2);
    await lists('x', ['5 a', '5 b'], 1);
    await lists('x', ['7 a'], 2);
    await stores().generations.remove(projection, 1, ['a', 'b', 'none']);
    await lists('x', [], 1);
    await lists('y', [], 1);
    await lists('x', ['7 a'], 2);
    await put('a', [at('y')], 1);
    await put('b', [], 1);
    await lists('x', [], 1);
    await lists('y', ['5 a'], 1);
  });
}

import { ulid } from 'ulid';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { PayloadTooLargeError } from '../../core/base/errors.ts';
import type { Parked } from '../../core/projections/parked.ts';
import type { StoredView } from '../../core/projections/projection.ts';
import type { ViewStore } from '../../core/projections/view-store.ts';

/** The contract of a store of views. `createViews` is called once; each test uses another projection. */
export function viewStoreContract(name: string, createViews: () => Promise<ViewStore>): void {
  describe(`view store on ${name}`, () => {
    let created: ViewStore | undefined;
    beforeAll(async () => {
      created = await createViews();
    });
    const views = (): ViewStore => {
      if (!created) throw new Error('the view store was not created');
      return created;
    };
    describe('checkpoints', () => checkpointContract(views));
    describe('lists', () => listContract(views));
    describe('parked streams', () => parkedContract(views));
  });
}

const newProjection = (): string => `agents-${ulid()}`;

const view = (projection: string, key: string, version: number, more: Partial<StoredView> = {}): StoredView => ({
  projection,
  generation: 1,
  key,
  version,
  group: 'idle',
  view: { state: 'idle', steps: version },
  ...more,
});

function checkpointContract(views: () => ViewStore): void {
  test('an unwritten view is absent', async () => {
    expect(await views().get(newProjection(), 1, '42')).toBeUndefined();
  });

  test('a view is read as it was written', async () => {
    const text = { text: 'Zoë 🦜 "quoted" \u0000', list: [1, -0.5, null, [{}]], nested: { a: { b: true } } };
    const stored = view(newProjection(), 'a~b:c.d', 7, { group: 'grp', view: text });
    expect(await views().put(stored, 0)).toBe(true);
    expect(await views().get(stored.projection, 1, 'a~b:c.d')).toEqual(stored);
  });

  test('a checkpoint without a view is stored, and is in no list', async () => {
    const stored = view(newProjection(), '42', 3, { group: '', view: undefined });
    expect(await views().put(stored, 0)).toBe(true);
    expect(await views().get(stored.projection, 1, '42')).toEqual(stored);
    expect(await views().list(stored.projection, 1, '', { limit: 10 })).toEqual({ views: [] });
    const next = view(stored.projection, '42', 4);
    expect(await views().put(next, 3)).toBe(true);
    expect(await views().get(stored.projection, 1, '42')).toEqual(next);
  });

  test('a view is written only from its current checkpoint', async () => {
    const projection = newProjection();
    expect(await views().put(view(projection, '42', 2), 1)).toBe(false);
    expect(await views().get(projection, 1, '42')).toBeUndefined();
    expect(await views().put(view(projection, '42', 2), 0)).toBe(true);
    for (const stale of [0, 1, 3]) {
      expect(await views().put(view(projection, '42', 9), stale), `from ${stale}`).toBe(false);
    }
    expect(await views().get(projection, 1, '42')).toEqual(view(projection, '42', 2));
    expect(await views().put(view(projection, '42', 5), 2)).toBe(true);
    expect(await views().get(projection, 1, '42')).toEqual(view(projection, '42', 5));
  });

  test('one of several writers from the same checkpoint wins', async () => {
    const projection = newProjection();
    await views().put(view(projection, '42', 1), 0);
    for (const expected of [1, 0]) {
      const key = expected === 0 ? 'new' : '42';
      const writers = Array.from({ length: 6 }, (_, writer) => view(projection, key, 2, { view: { writer } }));
      const won = await Promise.all(writers.map((entry) => views().put(entry, expected)));
      expect(won.filter(Boolean)).toHaveLength(1);
      expect(await views().get(projection, 1, key)).toEqual(writers[won.indexOf(true)]);
    }
  });

  test('projections, generations and keys are separate', async () => {
    const projection = newProjection();
    const all = [
      view(projection, '4', 1),
      view(projection, '42', 2),
      view(projection, '42', 3, { generation: 2 }),
      view(projection, '42', 4, { generation: 12 }),
      view(`${projection}x`, '42', 5),
    ];
    for (const entry of all) expect(await views().put(entry, 0)).toBe(true);
    for (const entry of all) expect(await views().get(entry.projection, entry.generation, entry.key)).toEqual(entry);
  });

  test('a view over the limit is refused with its name, and the earlier view stays', async () => {
    const projection = newProjection();
    await views().put(view(projection, '42', 1), 0);
    const large = view(projection, '42', 2, { view: { text: 'é'.repeat(200_000) } });
    await expect(views().put(large, 1)).rejects.toThrow(PayloadTooLargeError);
    expect(await views().get(projection, 1, '42')).toEqual(view(projection, '42', 1));
  });
}

function listContract(views: () => ViewStore): void {
  /** Waits for the expected list, because lists may be behind for a moment. */
  const lists = (projection: string, group: string, keys: readonly string[], generation = 1) =>
    vi.waitFor(
      async () => {
        const page = await views().list(projection, generation, group, { limit: 100 });
        expect(page.views.map((entry) => entry.key)).toEqual(keys);
        expect(page.next).toBeUndefined();
      },
      { timeout: 5_000, interval: 100 },
    );

  test('the views of a group are listed in the order of their keys, page by page', async () => {
    const projection = newProjection();
    const keys = ['A', 'a', 'b', 'c', '~'.padStart(3, '1'), '1', '10', '2', '9'];
    for (const key of keys) await views().put(view(projection, key, 1), 0);
    await views().put(view(projection, 'other', 1, { group: 'running' }), 0);
    const sorted = ['1', '10', '11~', '2', '9', 'A', 'a', 'b', 'c'];
    await lists(projection, 'idle', sorted);
    await lists(projection, 'running', ['other']);
    await lists(projection, 'stopped', []);

    for (const limit of [1, 2, 3, 9]) {
      const seen: StoredView[] = [];
      let after: string | undefined;
      let pages = 0;
      do {
        const page = await views().list(projection, 1, 'idle', { limit, after });
        expect(page.views.length).toBeLessThanOrEqual(limit);
        seen.push(...page.views);
        after = page.next;
        pages += 1;
      } while (after !== undefined);
      expect(seen).toEqual(sorted.map((key) => view(projection, key, 1)));
      expect(pages, `pages of ${limit}`).toBe(Math.ceil(sorted.length / limit));
    }
  });

  test('a view whose group changes moves to the other list', async () => {
    const projection = newProjection();
    await views().put(view(projection, '1', 1), 0);
    await views().put(view(projection, '2', 1), 0);
    await lists(projection, 'idle', ['1', '2']);
    await views().put(view(projection, '1', 2, { group: 'running' }), 1);
    await lists(projection, 'running', ['1']);
    await lists(projection, 'idle', ['2']);
    await views().put(view(projection, '1', 3, { group: '', view: undefined }), 2);
    await lists(projection, 'running', []);
  });

  test('a list shows views as last written, and only of its generation', async () => {
    const projection = newProjection();
    await views().put(view(projection, '1', 1), 0);
    await views().put(view(projection, '1', 2), 1);
    await views().put(view(projection, '2', 1, { generation: 2 }), 0);
    await lists(projection, 'idle', ['1']);
    await lists(projection, 'idle', ['2'], 2);
    const page = await views().list(projection, 1, 'idle', { limit: 10 });
    expect(page.views).toEqual([view(projection, '1', 2)]);
  });
}

const mark = (version: number, more: Partial<Parked> = {}): Parked => ({
  version,
  eventId: 'e-1',
  eventType: 'agent.step-recorded',
  error: 'Error: "no" 🦜',
  since: '2026-01-05T09:00:00.000Z',
  attempts: [{ at: '2026-01-05T09:00:00.000Z', error: 'Error: no' }],
  ...more,
});

function parkedContract(views: () => ViewStore): void {
  const parked = (projection: string, keys: readonly string[]) =>
    vi.waitFor(
      async () => {
        const page = await views().listParked(projection, 1, { limit: 100 });
        expect(page.views.map(({ key }) => key)).toEqual(keys);
        expect(await views().countParked(projection, 1)).toBe(keys.length);
      },
      { timeout: 5_000, interval: 100 },
    );

  test('a mark is read with its view, and the view stays in its group', async () => {
    const projection = newProjection();
    const entry = view(projection, '42', 3, { parked: mark(4) });
    expect(await views().put(entry, 0)).toBe(true);
    expect(await views().get(projection, 1, '42')).toEqual(entry);
    await vi.waitFor(
      async () => expect((await views().list(projection, 1, 'idle', { limit: 9 })).views).toEqual([entry]),
      { timeout: 5_000 },
    );
    await parked(projection, ['42']);
    const page = await views().listParked(projection, 1, { limit: 9 });
    expect(page).toEqual({ views: [{ key: '42', version: 3, parked: mark(4) }] });
  });

  test('a stream can be parked at its first event, and continues later as any other stream', async () => {
    const projection = newProjection();
    const empty = view(projection, '42', 0, { group: '', view: undefined });
    expect(await views().put({ ...empty, parked: mark(1) }, 0)).toBe(true);
    expect(await views().get(projection, 1, '42')).toEqual({ ...empty, parked: mark(1) });
    expect(await views().put(view(projection, '42', 2), 0)).toBe(false);
    expect(await views().put(empty, 0, mark(1))).toBe(true);
    expect(await views().put(view(projection, '42', 2), 0)).toBe(true);
    expect(await views().get(projection, 1, '42')).toEqual(view(projection, '42', 2));
  });

  test('a view is written only under its current mark', async () => {
    const projection = newProjection();
    await views().put(view(projection, '42', 3), 0);
    expect(await views().put(view(projection, '42', 4), 3, mark(4))).toBe(false);
    expect(await views().put(view(projection, '42', 3, { parked: mark(4) }), 3)).toBe(true);
    for (const stale of [undefined, mark(5), mark(4, { redriving: true })]) {
      expect(await views().put(view(projection, '42', 9), 3, stale)).toBe(false);
    }
    expect(await views().put(view(projection, '42', 9), 4, mark(4))).toBe(false);
    const { eventId: _, eventType: __, ...unreadable } = mark(4, { redriving: true });
    expect(await views().put(view(projection, '42', 3, { parked: unreadable }), 3, mark(4))).toBe(true);
    expect(await views().put(view(projection, '42', 5), 3, unreadable)).toBe(true);
    expect(await views().get(projection, 1, '42')).toEqual(view(projection, '42', 5));
    await parked(projection, []);
  });

  test('parked streams are counted, and listed page by page in the order of their keys', async () => {
    const projection = newProjection();
    const keys = ['1', '10', '2', 'A', 'a', 'b~'];
    for (const key of keys.toReversed()) await views().put(view(projection, key, 1, { parked: mark(2) }), 0);
    await views().put(view(projection, 'well', 1), 0);
    await views().put(view(projection, 'other', 1, { generation: 2, parked: mark(2) }), 0);
    await parked(projection, keys);
    const seen: string[] = [];
    let after: string | undefined;
    do {
      const page = await views().listParked(projection, 1, { limit: 2, after });
      seen.push(...page.views.map(({ key }) => key));
      after = page.next;
    } while (after !== undefined);
    expect(seen).toEqual(keys);
  });
}

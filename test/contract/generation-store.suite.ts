import { ulid } from 'ulid';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import type { ViewStore } from '../../core/projections/view-store.ts';
import type { GenerationStore } from '../../core/replays/generation-store.ts';

interface Stores {
  readonly views: ViewStore;
  readonly generations: GenerationStore;
}

/** The contract of a store of views for work on a whole generation. Each test uses another projection. */
export function generationStoreContract(name: string, create: () => Promise<Stores>): void {
  describe(`generation store on ${name}`, () => {
    let created: Stores | undefined;
    beforeAll(async () => {
      created = await create();
    });
    generationContract(() => {
      if (!created) throw new Error('the stores were not created');
      return created;
    });
  });
}

function generationContract(stores: () => Stores): void {
  const put = (projection: string, generation: number, key: string, version: number, group = 'idle') =>
    stores().views.put(
      { projection, generation, key, version, group, view: group === '' ? undefined : { is: key } },
      version - 1,
    );

  async function all(projection: string, generation: number, group: string, limit = 100) {
    const found: [string, number][] = [];
    let after: string | undefined;
    do {
      const page = await stores().generations.checkpoints(projection, generation, group, { limit, after });
      expect(page.checkpoints.length).toBeLessThanOrEqual(limit);
      found.push(...page.checkpoints.map(({ key, version }): [string, number] => [key, version]));
      after = page.next;
    } while (after !== undefined);
    return found;
  }
  const eventually = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 5_000, interval: 100 });

  test('the checkpoints of a group are listed page by page, also for views without events', async () => {
    const projection = `agents-${ulid()}`;
    for (const key of ['b', 'a', 'c', '10', '9']) await put(projection, 1, key, 1);
    await put(projection, 1, 'a', 2);
    await put(projection, 1, 'none', 1, '');
    await put(projection, 2, 'd', 1);
    const sorted = [
      ['10', 1],
      ['9', 1],
      ['a', 2],
      ['b', 1],
      ['c', 1],
    ];
    await eventually(async () => expect(await all(projection, 1, 'idle')).toEqual(sorted));
    for (const limit of [1, 2, 5]) expect(await all(projection, 1, 'idle', limit)).toEqual(sorted);
    await eventually(async () => expect(await all(projection, 1, '')).toEqual([['none', 1]]));
    expect(await all(projection, 2, 'idle')).toEqual([['d', 1]]);
    expect(await all(projection, 3, 'idle')).toEqual([]);
  });

  test('the versions of many keys are read as last written', async () => {
    const projection = `agents-${ulid()}`;
    const keys = Array.from({ length: 100 }, (_, n) => `k${n}`);
    await Promise.all(keys.slice(0, 60).map((key) => put(projection, 4, key, 1)));
    await put(projection, 4, 'k7', 2);
    const versions = await stores().generations.versions(projection, 4, keys);
    expect(versions.size).toBe(60);
    expect([versions.get('k7'), versions.get('k8'), versions.get('k99')]).toEqual([2, 1, undefined]);
    expect(await stores().generations.versions(projection, 4, [])).toEqual(new Map());
  });

  test('views are removed only from their generation', async () => {
    const projection = `agents-${ulid()}`;
    const keys = Array.from({ length: 60 }, (_, n) => `k${n}`);
    await Promise.all(keys.flatMap((key) => [put(projection, 1, key, 1), put(projection, 2, key, 1)]));
    await stores().generations.remove(projection, 1, [...keys.slice(0, 50), 'not-there']);
    await stores().generations.remove(projection, 1, []);
    await eventually(async () => expect(await all(projection, 1, 'idle')).toHaveLength(10));
    expect(await stores().views.get(projection, 1, 'k0')).toBeUndefined();
    expect(await stores().views.get(projection, 1, 'k59')).toMatchObject({ version: 1 });
    expect(await stores().generations.versions(projection, 2, keys)).toHaveProperty('size', 60);
  });
}

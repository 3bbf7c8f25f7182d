import { ulid } from 'ulid';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { PayloadTooLargeError, UnavailableError } from '../../core/base/errors.ts';
import { Projector } from '../../core/projections/projector.ts';
import { defineSharedProjection } from '../../core/projections/shared-projection.ts';
import type { SharedViewStore } from '../../core/projections/shared-view-store.ts';
import type { ViewStore } from '../../core/projections/view-store.ts';
import { DeadLetters } from '../../core/publishing/dead-letters.ts';
import type { Commit } from '../../core/store/commit.ts';
import { EventStore } from '../../core/store/event-store.ts';
import { MemoryCommitStorage } from '../../testing/memory/commit-storage.ts';
import { catalogue } from '../support/application.ts';
import { step } from '../support/sample-events.ts';

interface Stores {
  readonly shared: SharedViewStore;
  readonly views: ViewStore;
}

const POLICY = { attempts: 2, initialDelayMs: 1, maxDelayMs: 1 };

/** Each step counts in the views of its action, such as `a,b,c`. */
const countingOf = (name: string) =>
  defineSharedProjection({
    name,
    types: ['agent.step-recorded'],
    shards: 1,
    evolve: (state: { steps: number } = { steps: 0 }) => ({ steps: state.steps + 1 }),
    count: ({ data }) => Object.fromEntries(data.action.split(',').map((key) => [key, { steps: 1 }])),
  });

/** Commits counted into shared views by the projector, on a store of them. `create` is called once. */
export function sharedProjectingContract(name: string, create: () => Promise<Stores>): void {
  describe(`projecting into shared views on ${name}`, () => {
    let stores: Stores;
    beforeAll(async () => {
      stores = await create();
    });

    function setup({ shared = stores.shared } = {}) {
      const projection = countingOf(`counting-${ulid()}`);
      const { views } = stores;
      const store = new EventStore(new MemoryCommitStorage(), { catalogue });
      const options = { projections: [projection], store, views, sharedViews: shared };
      const projector = new Projector(options);
      const onParked = vi.fn();
      const append = async (stream: string, commits: readonly (readonly string[])[]): Promise<Commit[]> => {
        for (const actions of commits) await store.append(stream, actions.map(step), { expectedVersion: 'any' });
        return Array.fromAsync(store.commits(stream));
      };
      const deliver = (commits: readonly Commit[]) => projector.applyOrPark(commits, POLICY, onParked);
      const place = { projection: projection.name, generation: 1 };
      const steps = async (key: string) => (await stores.shared.read(place, key, 1))?.get('/steps') ?? 0;
      const checkpoint = (stream: string) => views.get(projection.name, 1, stream);
      const deadLetters = new DeadLetters({ ...options, sharedViews: stores.shared, live: () => 1 });
      return { projection, store, append, deliver, steps, checkpoint, onParked, deadLetters };
    }

    const names = (count: number, prefix = 'view') => Array.from({ length: count }, (_, n) => `${prefix}-${n}`);

    test('a stream with a batch for 100 views is counted completely, also together with other streams', async () => {
      const { append, deliver, steps, checkpoint } = setup();
      const commits = await append(
        'agent-1',
        names(100).map((key) => [key]),
      );
      const other = await append('agent-2', [['view-0'], ['other']]);
      expect(await deliver([...commits, ...other])).toEqual([]);
      for (const key of ['view-1', 'view-49', 'view-98', 'view-99', 'other']) expect(await steps(key), key).toBe(1);
      expect(await steps('view-0')).toBe(2);
      expect(await checkpoint('agent-1')).toMatchObject({ version: 100 });
      expect(await deliver([...commits, ...other])).toEqual([]);
      expect(await steps('view-0')).toBe(2);
    });

    test('one commit for 100 views is counted completely', async () => {
      const { append, deliver, steps, checkpoint } = setup();
      const commits = await append('agent-1', [names(100)]);
      expect(await deliver(commits)).toEqual([]);
      for (const key of names(100)) expect(await steps(key), key).toBe(1);
      expect(await checkpoint('agent-1')).toMatchObject({ version: 100, view: { steps: 100 } });
    });

    test('streams that each add to many views share transactions, and all of them count', async () => {
      const { append, deliver, steps } = setup();
      const streams = Array.from({ length: 8 }, (_, n) => append(`agent-${n}`, [names(30, `of-${n}`), ['all']]));
      expect(await deliver((await Promise.all(streams)).flat())).toEqual([]);
      expect(await steps('all')).toBe(8);
      for (let n = 0; n < 8; n++) expect(await steps(`of-${n}-29`)).toBe(1);
    });

    test('an event that counts in more views than fit in one transaction is parked, and the events before it count', async () => {
      const { append, deliver, steps, checkpoint, onParked } = setup();
      const commits = await append('agent-1', [['before'], [names(100).join()], ['after']]);
      expect(await deliver([...commits, ...(await append('agent-2', [['before']]))])).toEqual([]);
      expect(onParked).toHaveBeenCalledOnce();
      expect(await checkpoint('agent-1')).toMatchObject({ version: 1, parked: { version: 2 } });
      expect((await checkpoint('agent-1'))?.parked?.error).toMatch(/counts the event in 100 views/);
      expect(await steps('before')).toBe(2);
      expect(await steps('view-0')).toBe(0);
    });

    /** A store in which one view is full. */
    const fullAt = (key: string): SharedViewStore => ({
      ...bound(stores.shared),
      add: (writes, addition) => {
        if (addition.increments.has(key)) throw new PayloadTooLargeError('a shared view is full; count fewer names');
        return stores.shared.add(writes, addition);
      },
    });

    test('a full view parks the streams that add to it, at the commit that does not fit; other streams continue', async () => {
      const { projection, append, deliver, steps, checkpoint, onParked, deadLetters } = setup({
        shared: fullAt('full'),
      });
      const commits = await append('agent-1', [['a'], ['b'], ['full'], ['c']]);
      const other = await append('agent-2', [['a'], ['d']]);
      expect(await deliver([...commits, ...other])).toEqual([]);
      expect(onParked).toHaveBeenCalledOnce();
      const stored = await checkpoint('agent-1');
      expect(stored).toMatchObject({ version: 2, parked: { version: 3, eventType: 'agent.step-recorded' } });
      expect(stored?.parked?.error).toMatch(/PayloadTooLargeError: a shared view is full/);
      for (const [key, count] of Object.entries({ a: 2, b: 1, c: 0, d: 1 })) expect(await steps(key), key).toBe(count);
      const id = `${projection.name}:agent-1`;
      // The view has room again.
      expect(await deadLetters.redrive(id)).toEqual({ id, from: 2, to: 4 });
      for (const key of ['full', 'c']) expect(await steps(key), key).toBe(1);
    });

    test('a redrive into a view that is still full leaves the stream parked, and counts nothing twice', async () => {
      const shared = fullAt('full');
      const { projection, store, append, deliver, steps } = setup({ shared });
      await deliver(await append('agent-1', [['a'], ['full'], ['b']]));
      const stuck = new DeadLetters({
        projections: [projection],
        store,
        ...stores,
        sharedViews: shared,
        live: () => 1,
      });
      const id = `${projection.name}:agent-1`;
      expect(await stuck.redrive(id)).toMatchObject({ from: 1, to: 1, parked: { version: 2 } });
      expect(await steps('a')).toBe(1);
      expect(await steps('b')).toBe(0);
    });

    test('an outage parks nothing, and its streams are delivered again', async () => {
      let outage = true;
      const shared: SharedViewStore = {
        ...bound(stores.shared),
        add: async (writes, addition) => {
          const written = await stores.shared.add(writes, addition);
          if (outage) throw new UnavailableError('the reply was lost');
          return written;
        },
      };
      const { append, deliver, steps, onParked } = setup({ shared });
      const batch = [...(await append('agent-1', [['a'], ['b']])), ...(await append('agent-2', [['a']]))];
      const failed = await deliver(batch);
      expect(failed.map(({ stream }) => stream).toSorted()).toEqual(['agent-1', 'agent-2']);
      expect(failed.every(({ error }) => error instanceof UnavailableError)).toBe(true);
      expect(onParked).not.toHaveBeenCalled();
      outage = false;
      expect(await deliver(batch)).toEqual([]);
      expect(await steps('a')).toBe(2);
    });

    test('a failure that prevents the write of the mark has to be delivered again', async () => {
      const { append, deliver, onParked, projection } = setup();
      const commits = await append('agent-1', [[names(100).join()]]);
      const put = stores.views.put.bind(stores.views);
      const spy = vi.spyOn(stores.views, 'put').mockImplementation(async (view, ...expected) => {
        if (view.projection === projection.name) throw new Error('the item cannot be read');
        return put(view, ...expected);
      });
      expect(await deliver(commits)).toMatchObject([{ stream: 'agent-1', commit: commits[0] }]);
      expect(onParked).not.toHaveBeenCalled();
      spy.mockRestore();
      expect(await deliver(commits)).toEqual([]);
      expect(onParked).toHaveBeenCalledOnce();
    });
  });
}

const bound = (shared: SharedViewStore): SharedViewStore => ({
  add: shared.add.bind(shared),
  read: shared.read.bind(shared),
  top: shared.top.bind(shared),
  keys: shared.keys.bind(shared),
  remove: shared.remove.bind(shared),
});

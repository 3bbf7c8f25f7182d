import { ulid } from 'ulid';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { Checkpoints } from '../../core/projections/checkpoints.ts';
import { type ListEntry, listPlace } from '../../core/projections/entries.ts';
import { LargeViewStore, ViewClaims } from '../../core/projections/large-views.ts';
import { defineProjection } from '../../core/projections/projection.ts';
import { Projector } from '../../core/projections/projector.ts';
import { redrive } from '../../core/projections/redrive.ts';
import type { ViewStore } from '../../core/projections/view-store.ts';
import type { GenerationStore } from '../../core/replays/generation-store.ts';
import { removeGeneration } from '../../core/replays/remove-generation.ts';
import { EventStore } from '../../core/store/event-store.ts';
import { ViewComparison } from '../../core/verification/views.ts';
import { MemoryCommitStorage } from '../../testing/memory/commit-storage.ts';
import { MemorySharedViews } from '../../testing/memory/shared-views.ts';
import { MemoryViewStore } from '../../testing/memory/views.ts';
import { catalogue } from '../support/application.ts';
import { MemoryObjectStore } from '../support/memory-objects.ts';
import { noise } from '../support/sample-events.ts';

interface Stores {
  readonly views: ViewStore;
  readonly generations: GenerationStore;
}

/** A projector over a store of views: entries follow the stream, whatever happens to it. */
export function entryProjectingContract(name: string, create: () => Promise<Stores>): void {
  describe(`projecting entries on ${name}`, () => {
    let stores: Stores;
    beforeAll(async () => {
      stores = await create();
    });

    /** A projection whose views stand in the lists that the last step names, as `list@order`. */
    function setup() {
      const broken = { now: false };
      const projection = defineProjection({
        name: `waiting-${ulid()}`,
        aggregateType: 'agent',
        types: ['agent.step-recorded'],
        group: { of: () => 'all', values: ['all'] },
        evolve: (view: { lists: string[]; text: string } | undefined, { data }) => {
          if (data.action === 'bad' && broken.now) throw new Error('bad event');
          const lists = data.action === 'bad' ? (view?.lists ?? []) : data.action.split(' ').filter(Boolean);
          return { lists, text: data.thought ?? '' };
        },
        entries: ({ lists }): ListEntry[] =>
          lists.map((text) => ({ list: text.split('@')[0] ?? '', order: text.split('@')[1] ?? '' })),
      });
      const store = new EventStore(new MemoryCommitStorage(), { catalogue });
      const views = new LargeViewStore(stores.views, new ViewClaims(new MemoryObjectStore()));
      const place = (generation = 1) => ({ projection, generation, stream: 'agent-a' });
      const step = async (action: string, thought = '') => {
        const data = { agentId: 'a', action, thought };
        await store.append('agent-a', [{ type: 'agent.step-recorded', data }], { expectedVersion: 'any' });
      };
      const deliver = async (generation = 1) => {
        const projector = new Projector({ projections: [projection], store, views, generations: () => [generation] });
        const policy = { attempts: 1, baseDelayMs: 0, maxDelayMs: 0 } as never;
        const commits = await Array.fromAsync(store.commits('agent-a'));
        expect(await projector.applyOrPark(commits, policy, () => undefined)).toEqual([]);
      };
      const lists = (expected: Record<string, string[]>, generation = 1) =>
        vi.waitFor(
          async () => {
            for (const [list, places] of Object.entries(expected)) {
              const { listed } = await views.listed(projection.name, generation, list, { limit: 10 });
              expect(listed.map(({ order, view }) => listPlace(order, view.key))).toEqual(places);
            }
          },
          { timeout: 10_000, interval: 50 },
        );
      const stored = (generation = 1) => views.get(projection.name, generation, 'a');
      return { projection, store, views, broken, place, step, deliver, lists, stored };
    }

    test('a parked stream keeps the entries of its view, and a redrive brings those of its head', async () => {
      const { store, views, broken, place, step, deliver, lists, stored } = setup();
      broken.now = true;
      for (const action of ['x@1 y@2', 'bad', 'y@3 z@1']) await step(action);
      await deliver();
      expect(await stored()).toMatchObject({ version: 1, parked: { version: 2 } });
      await lists({ x: ['1 a'], y: ['2 a'], z: [] });
      broken.now = false;
      const checkpoints = new Checkpoints({ store, views });
      expect(await redrive(checkpoints, place(), new Date())).toEqual({ from: 1, to: 3 });
      await lists({ x: [], y: ['3 a'], z: ['1 a'] });
    });

    test.each([
      ['a list twice', 'x@1 x@2', /stands in a list once/],
      ['an order of other characters', 'x@é', /an order has 1 to 128 characters/],
      ['no order', 'x', /an order has 1 to 128 characters/],
      ['too many lists', Array.from({ length: 101 }, (_, n) => `x${n}@1`).join(' '), /a view has at most 100/],
      ['a long name', `${'x'.repeat(257)}@1`, /the name of a list has 1 to 256 characters/],
      ['no name', '@1', /the name of a list has 1 to 256 characters/],
    ])('a view with %s parks its stream, and what was there stays', async (_, action, message) => {
      const { step, deliver, lists, stored } = setup();
      await step('x@5');
      await step(action);
      await deliver();
      expect(await stored()).toMatchObject({
        version: 1,
        parked: { version: 2, error: expect.stringMatching(message) },
      });
      await lists({ x: ['5 a'] });
    });

    test('another generation has the same lists, and one that is removed has none', async () => {
      const { projection, step, deliver, lists, stored } = setup();
      await step('x@5 y@1');
      await deliver(1);
      await step('x@6');
      await deliver(2);
      await lists({ x: ['5 a'], y: ['1 a'] }, 1);
      await lists({ x: ['6 a'], y: [] }, 2);
      const until = { isOver: () => false, until: Number.POSITIVE_INFINITY };
      await vi.waitFor(async () => {
        const parts = { generationStore: stores.generations };
        expect(await removeGeneration(parts, { projection, generation: 1 }, until)).toBe(true);
        expect(await stored(1)).toBeUndefined();
      });
      await lists({ x: [], y: [] }, 1);
      await lists({ x: ['6 a'] }, 2);
    });

    test('a projection that gives entries no longer takes its views out of the lists', async () => {
      const { projection, store, views, step, deliver, lists } = setup();
      await step('x@5');
      await deliver();
      await lists({ x: ['5 a'] });
      await step('x@5');
      const { entries: _, ...without } = projection;
      const projector = new Projector({ projections: [without], store, views });
      expect(await projector.apply(await Array.fromAsync(store.commits('agent-a')))).toEqual([]);
      await lists({ x: [] });
    });

    test('a large view stands in lists whole', async () => {
      const { projection, views, step, deliver, lists } = setup();
      const text = noise(200_000);
      await step('x@5', text);
      await deliver();
      await lists({ x: ['5 a'] });
      const { listed } = await views.listed(projection.name, 1, 'x', { limit: 10 });
      expect(listed[0]?.view).toMatchObject({ view: { text }, entries: [{ list: 'x', order: '5' }] });
    });

    test('a verification names a view that stands in another list than its history says', async () => {
      const { projection, store, views, step, deliver, stored } = setup();
      await step('x@5 y@1');
      await deliver();
      const shared = new MemorySharedViews(new MemoryViewStore());
      const comparison = new ViewComparison({ store, views, sharedViews: shared }, 0);
      const found = async () => (await comparison.compare(projection, 1, 'agent-a')).differences;
      expect(await found()).toEqual([]);
      const change = async (entries: readonly ListEntry[]) => {
        const before = await stored();
        if (before) expect(await views.put(before, before.version, undefined, entries)).toBe(true);
        const [difference, ...others] = await found();
        expect(others).toEqual([]);
        return difference;
      };
      const x = { list: 'x', order: '5' };
      expect(await change([x])).toMatchObject({ kind: 'differs', detail: expect.stringContaining('not in list "y"') });
      const more = [x, { list: 'y', order: '1' }, { list: 'z', order: '1' }];
      expect(await change(more)).toMatchObject({ detail: expect.stringContaining('is in list "z" at "1"') });
    });
  });
}

import { ulid } from 'ulid';
import { beforeAll, describe, expect, test } from 'vitest';
import { CounterNames } from '../../core/projections/counter-names.ts';
import { Projector } from '../../core/projections/projector.ts';
import { SharedFold } from '../../core/projections/shared-fold.ts';
import { type AnySharedProjection, shownCounts, treeOf } from '../../core/projections/shared-projection.ts';
import type { SharedViewStore } from '../../core/projections/shared-view-store.ts';
import type { ViewStore } from '../../core/projections/view-store.ts';
import type { Commit } from '../../core/store/commit.ts';
import { EventStore } from '../../core/store/event-store.ts';
import { fleetOverview } from '../../domain/fleet/fleet-overview.ts';
import { MemoryCommitStorage } from '../../testing/memory/commit-storage.ts';
import { catalogue } from '../support/application.ts';

interface Stores {
  readonly shared: SharedViewStore;
  readonly views: ViewStore;
}

type ByType = Readonly<Record<string, number>>;

/** Counters under names of callers: the first 100 names are shown, the rest is `other`. `create` is called once. */
export function counterNamesContract(name: string, create: () => Promise<Stores>): void {
  describe(`names of counters on ${name}`, () => {
    let stores: Stores;
    beforeAll(async () => {
      stores = await create();
    });

    function setup() {
      const projection: AnySharedProjection = { ...fleetOverview, name: `fleet-${ulid()}` };
      const store = new EventStore(new MemoryCommitStorage(), { catalogue });
      const { views, shared } = stores;
      const projector = (generation = 1, declared = projection) =>
        new Projector({ projections: [declared], store, views, sharedViews: shared, generations: () => [generation] });
      const agentOf = async (agentType: string): Promise<Commit[]> => {
        const agentId = ulid();
        const created = { agentId, agentType, configuration: {}, createdBy: 'me' };
        const step = { agentId, action: 'ls', usage: { inputTokens: 3 } };
        await store.append(`agent-${agentId}`, [{ type: 'agent.created', data: created }], { expectedVersion: 0 });
        await store.append(`agent-${agentId}`, [{ type: 'agent.step-recorded', data: step }], { expectedVersion: 1 });
        return Array.fromAsync(store.commits(`agent-${agentId}`));
      };
      const agentsOf = async (types: readonly string[]) => (await Promise.all(types.map(agentOf))).flat();
      const live = async (generation = 1) => {
        const counters = await shared.read({ projection: projection.name, generation }, 'all', projection.shards);
        return treeOf(counters ?? new Map(), projection) as { agentsByType: ByType; tokensByType: ByType };
      };
      const folded = async (commits: readonly Commit[]) => {
        const fold = new SharedFold(projection, catalogue);
        for (const commit of commits) fold.take(commit);
        const bound = await new CounterNames(views).bound(projection, fold.increments());
        return treeOf(shownCounts(bound).get('all') ?? new Map(), projection);
      };
      return { projection, projector, agentsOf, live, folded };
    }

    const types = (count: number, prefix = 'type') => Array.from({ length: count }, (_, n) => `${prefix}-${n}`);
    const total = (counts: ByType) => Object.values(counts).reduce((sum, count) => sum + count, 0);

    test('the first 100 names have counters, and all others are counted together', async () => {
      const { projector, agentsOf, live } = setup();
      const commits = await agentsOf(types(130));
      expect(await projector().apply(commits)).toEqual([]);
      expect(await projector().apply(await agentsOf(['type-0', 'late', 'late']))).toEqual([]);
      const { agentsByType, tokensByType } = await live();
      expect(Object.keys(agentsByType)).toHaveLength(101);
      expect([agentsByType['other'], total(agentsByType), total(tokensByType)]).toEqual([32, 133, 399]);
      expect(agentsByType['late']).toBeUndefined();
    });

    test('are the same live, in a rebuild with another order of events, and folded in memory', async () => {
      const { projector, agentsOf, live, folded } = setup();
      const first = await agentsOf(types(90, 'one'));
      const second = await agentsOf(types(40, 'two'));
      for (const commits of [first, second]) await projector().apply(commits);
      for (const commits of [second, first]) await projector(2).apply(commits);
      const now = await live();
      expect(total(now.agentsByType)).toBe(130);
      expect(await live(2)).toEqual(now);
      expect(await folded([...second, ...first])).toEqual(now);
    });

    test('share one limit of 100 when several processes add names', async () => {
      const { projector, agentsOf, live, folded } = setup();
      const parts = await Promise.all(types(6, 'part').map((part) => agentsOf(types(25, part))));
      const failures = await Promise.all(parts.map((commits) => projector().apply(commits)));
      expect(failures.flat()).toEqual([]);
      const now = await live();
      expect(Object.keys(now.agentsByType)).toHaveLength(101);
      expect(now.agentsByType['other']).toBe(50);
      expect(await folded(parts.flat())).toEqual(now);
    });

    test('may be any text: each has a counter, and the name `other` is counted with the rest', async () => {
      const { projector, agentsOf, live, folded } = setup();
      const odd = ['Coder', 'coder', '__proto__', 'constructor', 'toString', 'a/b~c', '~1', '\u2028', '😀', ' '];
      const commits = await agentsOf([...odd, 'other', ...types(95)]);
      await projector().apply(commits);
      await projector().apply(commits);
      const { agentsByType } = await live();
      for (const type of odd) expect(Object.entries(agentsByType)).toContainEqual([type, 1]);
      expect(agentsByType['other']).toBe(6);
      expect(await folded(commits)).toEqual(await live());
    });

    test('take 4 KB at most', async () => {
      const { projector, agentsOf, live } = setup();
      await projector().apply(await agentsOf(types(60, 'x'.repeat(120))));
      const { agentsByType } = await live();
      const names = Object.keys(agentsByType).filter((type) => type !== 'other');
      expect(Buffer.byteLength(names.join(''))).toBeLessThanOrEqual(4_096);
      expect(total(agentsByType)).toBe(60);
    });

    test('beyond the limit in older views stay and continue, and a rebuild limits them', async () => {
      const { projection, projector, agentsOf, live, folded } = setup();
      const { named: _, ...unbounded } = projection;
      const before = await agentsOf(types(120));
      expect(await projector(1, unbounded).apply(before)).toEqual([]);
      const later = await agentsOf(['type-0', ...types(120, 'later')]);
      expect(await projector().apply(later)).toEqual([]);
      const { agentsByType } = await live();
      expect([agentsByType['type-0'], agentsByType['type-119'], total(agentsByType)]).toEqual([2, 1, 241]);
      expect(await projector(2).apply([...before, ...later])).toEqual([]);
      expect(Object.keys((await live(2)).agentsByType)).toHaveLength(101);
      expect(await folded([...before, ...later])).toEqual(await live(2));
    });
  });
}

import { describe, expect, it, vi } from 'vitest';
import { defineProjection } from '../../../../core/projections/projection.ts';
import { LIVE_GENERATION, Projector } from '../../../../core/projections/projector.ts';
import { defineSharedProjection } from '../../../../core/projections/shared-projection.ts';
import type { Commit } from '../../../../core/store/commit.ts';
import { EventStore } from '../../../../core/store/event-store.ts';
import { MemoryCommitStorage } from '../../../../testing/memory/commit-storage.ts';
import { MemorySharedViews } from '../../../../testing/memory/shared-views.ts';
import { MemoryViewStore } from '../../../../testing/memory/views.ts';
import { catalogue } from '../../../support/application.ts';
import { step } from '../../../support/sample-events.ts';

const actions = defineProjection({
  name: 'actions',
  aggregateType: 'agent',
  types: ['agent.step-recorded'],
  group: { of: () => 'all', values: ['all'] },
  evolve: (view: { seen: string[] } | undefined, { data }) => ({ seen: [...(view?.seen ?? []), data.action] }),
});

const total = defineSharedProjection({
  name: 'total',
  types: ['agent.step-recorded'],
  shards: 2,
  evolve: (own: object = {}) => own,
  count: () => ({ all: { steps: 1 } }),
});

async function setup() {
  const store = new EventStore(new MemoryCommitStorage(), { catalogue });
  const views = new MemoryViewStore();
  const sharedViews = new MemorySharedViews(views);
  const projector = () => new Projector({ projections: [actions, total], store, views, sharedViews });
  const commits: Commit[] = [];
  for (const stream of ['agent-1', 'agent-2']) {
    for (const text of ['a', 'b', 'c']) await store.append(stream, [step(text)], { expectedVersion: 'any' });
    commits.push(...(await Array.fromAsync(store.commits(stream))));
  }
  const steps = async () => (await sharedViews.read({ projection: 'total', generation: 1 }, 'all'))?.get('/steps');
  const view = (id: string) => views.get('actions', LIVE_GENERATION, id);
  return { views, sharedViews, projector, commits, steps, view };
}

describe('of two workers with the same stream', () => {
  it('the slower projector applies the commits that the faster projector lacked, in a view of one stream', async () => {
    const { views, projector, commits, view } = await setup();
    const own = commits.filter(({ stream }) => stream === 'agent-1');
    const put = views.put.bind(views);
    vi.spyOn(views, 'put').mockImplementationOnce(async (...args) => {
      await projector().apply(own.slice(0, 1)); // between the read and the write of the other
      return put(...args);
    });
    expect(await projector().apply(own)).toEqual([]);
    expect(await view('1')).toMatchObject({ version: 3, view: { seen: ['a', 'b', 'c'] } });
  });

  it('the slower projector applies them in a shared view, also for the other streams of its transaction', async () => {
    const { sharedViews, projector, commits, steps } = await setup();
    const add = sharedViews.add.bind(sharedViews);
    vi.spyOn(sharedViews, 'add').mockImplementationOnce(async (...args) => {
      await projector().apply(commits.slice(0, 1));
      return add(...args);
    });
    expect(await projector().apply(commits)).toEqual([]);
    expect(await steps()).toBe(6);
  });
});

describe('a batch of many streams', () => {
  it('is written to a shared view in one transaction', async () => {
    const { sharedViews, projector, commits, steps } = await setup();
    const add = vi.spyOn(sharedViews, 'add');
    await projector().apply(commits);
    expect(add).toHaveBeenCalledOnce();
    expect(await steps()).toBe(6);
    await projector().apply(commits);
    expect(add).toHaveBeenCalledOnce();
  });
});

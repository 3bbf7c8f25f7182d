import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CorruptDataError } from '../../../../core/base/errors.ts';
import type { NewEvent } from '../../../../core/events/catalogue.ts';
import { defineProjection } from '../../../../core/projections/projection.ts';
import { LIVE_GENERATION, Projector } from '../../../../core/projections/projector.ts';
import { defineSharedProjection } from '../../../../core/projections/shared-projection.ts';
import type { Commit } from '../../../../core/store/commit.ts';
import { EventStore } from '../../../../core/store/event-store.ts';
import { MemoryCommitStorage } from '../../../../testing/memory/commit-storage.ts';
import { MemorySharedViews } from '../../../../testing/memory/shared-views.ts';
import { MemoryViewStore } from '../../../../testing/memory/views.ts';
import { catalogue } from '../../../support/application.ts';
import { passing } from '../../../support/passing-storage.ts';

/** Keeps every action in its order, so that a duplicate, a loss or a swap shows. */
const actions = defineProjection({
  name: 'actions',
  aggregateType: 'agent',
  types: ['agent.step-recorded'],
  group: { of: (view: { seen: string[] }) => (view.seen.length > 1 ? 'busy' : 'new'), values: ['new', 'busy'] },
  evolve: (view, event) => ({ seen: [...(view?.seen ?? []), event.data.action] }),
});

const step = (agentId: string, action: string): NewEvent => ({
  type: 'agent.step-recorded',
  data: { agentId, action },
});
const created = (agentId: string): NewEvent => ({
  type: 'agent.created',
  data: { agentId, agentType: 'coder', configuration: {}, createdBy: 'ops' },
});

async function setup(projections = [actions]) {
  const storage = new MemoryCommitStorage();
  const store = new EventStore(storage, { catalogue });
  const views = new MemoryViewStore();
  const projector = new Projector({ projections, store, views });
  const append = (agentId: string, events: NewEvent[]) =>
    store.append(`agent-${agentId}`, events, { expectedVersion: 'any' });
  const commits = (agentId: string): Promise<Commit[]> => Array.fromAsync(store.commits(`agent-${agentId}`));
  const view = (agentId: string) => views.get('actions', LIVE_GENERATION, agentId);
  return { storage, store, views, projector, append, commits, view };
}

describe('Projector', () => {
  it('equals the fold of the stream under duplicates, losses, reordering and re-cut batches', async () => {
    const streams = ['a', 'b', 'c'];
    const delivery = fc.array(fc.array(fc.nat(), { maxLength: 12 }), { minLength: 1, maxLength: 12 });
    const history = fc.array(fc.tuple(fc.constantFrom(...streams), fc.integer({ min: 1, max: 4 })), {
      minLength: 1,
      maxLength: 15,
    });
    await fc.assert(
      fc.asyncProperty(history, delivery, fc.boolean(), async (appends, batches, sideBySide) => {
        const { projector, append, commits, view } = await setup();
        let n = 0;
        for (const [id, count] of appends) {
          await append(
            id,
            Array.from({ length: count }, () => step(id, `${n++}`)),
          );
        }
        const all = (await Promise.all(streams.map(commits))).flat();
        const runs = batches.map((batch) => () => projector.apply(batch.map((i) => all[i % all.length] as Commit)));
        if (sideBySide) await Promise.all(runs.map((run) => run()));
        else for (const run of runs) await run();
        // The newest commit of each stream arrives at last, as at-least-once delivery promises.
        for (const id of streams) expect(await projector.apply((await commits(id)).slice(-1))).toEqual([]);
        n = 0;
        const expected = new Map<string, string[]>();
        for (const [id, count] of appends) {
          for (let i = 0; i < count; i++) expected.set(id, [...(expected.get(id) ?? []), `${n++}`]);
        }
        for (const id of streams)
          expect((await view(id))?.view).toEqual(expected.has(id) ? { seen: expected.get(id) } : undefined);
      }),
      { numRuns: 200 },
    );
  });

  it('moves the checkpoint over events of other types, and groups the view', async () => {
    const { projector, append, commits, view } = await setup();
    await append('a', [created('a')]);
    await projector.apply(await commits('a'));
    expect(await view('a')).toEqual({
      ...{ projection: 'actions', generation: LIVE_GENERATION, key: 'a', version: 1, group: '', view: undefined },
    });
    await append('a', [step('a', '1'), step('a', '2')]);
    await projector.apply(await commits('a'));
    expect(await view('a')).toMatchObject({ version: 3, group: 'busy', view: { seen: ['1', '2'] } });
  });

  it('reports a failure with the first commit of its stream, while other streams and projections continue', async () => {
    const failing = { ...actions, name: 'failing', evolve: () => failOn() };
    const failOn = (): never => {
      throw new Error('bad event');
    };
    const { projector, append, commits, view } = await setup([actions, failing]);
    await append('a', [step('a', '1')]);
    await append('a', [step('a', '2')]);
    const batch = await commits('a');
    const failures = await projector.apply(batch);
    expect(failures).toEqual([
      { projection: failing, generation: 1, stream: 'agent-a', commit: batch[0], error: new Error('bad event') },
    ]);
    expect((await view('a'))?.view).toEqual({ seen: ['1', '2'] });
  });

  it('reports where the batch first has a failing stream: a redelivery from a later place would leave a commit out', async () => {
    const { projector, views, append, commits } = await setup();
    await append('a', [step('a', '1')]);
    await append('a', [step('a', '2')]);
    const delivered = (await commits('a')).reverse();
    views.get = () => Promise.reject(new Error('out of order'));
    expect(await projector.apply(delivered)).toMatchObject([{ commit: delivered[0] }]);
  });

  it('applies commits to every generation that takes them, also to a generation that begins during a write', async () => {
    const { store, append, commits } = await setup();
    const views = new MemoryViewStore();
    let wanted = [1];
    const put = views.put.bind(views);
    views.put = async (stored, expected) => {
      const written = await put(stored, expected);
      wanted = [1, 2]; // a rebuild begins right after the write to the live generation
      return written;
    };
    const projector = new Projector({ projections: [actions], store, views, generations: () => wanted });
    await append('a', [step('a', '1')]);
    expect(await projector.apply(await commits('a'))).toEqual([]);
    for (const generation of [1, 2]) {
      expect(await views.get('actions', generation, 'a')).toMatchObject({ generation, view: { seen: ['1'] } });
    }
  });

  it('fills the generation that is behind from the store, the other from the batch', async () => {
    const { store, views, projector, append, commits } = await setup();
    await append('a', [step('a', '1')]);
    await projector.apply(await commits('a'));
    await append('a', [step('a', '2')]);
    const both = new Projector({ projections: [actions], store, views, generations: async () => [1, 7] });
    expect(await both.apply((await commits('a')).slice(-1))).toEqual([]);
    for (const generation of [1, 7]) {
      expect(await views.get('actions', generation, 'a')).toMatchObject({ version: 2, view: { seen: ['1', '2'] } });
    }
  });

  it('never steps over a gap that the store cannot fill', async () => {
    const { projector, append, commits, view, storage } = await setup();
    await append('a', [step('a', '1')]);
    await append('a', [step('a', '2')]);
    const [, second] = await commits('a');
    const lossy = new EventStore({ ...passing(storage), async *read() {} }, { catalogue });
    const views = new MemoryViewStore();
    const [failure] = await new Projector({ projections: [actions], store: lossy, views }).apply([second as Commit]);
    expect(failure?.error).toBeInstanceOf(CorruptDataError);
    expect(await views.get('actions', LIVE_GENERATION, 'a')).toBeUndefined();
    expect(await projector.apply([second as Commit])).toEqual([]);
    expect((await view('a'))?.view).toEqual({ seen: ['1', '2'] });
  });
});

describe('a projector', () => {
  it('refuses a projection of a type that never stands in the streams that feed it', () => {
    const projection = defineProjection({ ...actions, types: ['task.requested'], evolve: () => ({ seen: [] }) });
    const options = { store: new EventStore(new MemoryCommitStorage(), { catalogue }), views: new MemoryViewStore() };
    expect(() => new Projector({ ...options, projections: [projection] })).toThrow(
      /task.requested is not in agent streams/,
    );
  });

  it('makes a view anew that is ahead of its stream, as after older events were restored', async () => {
    const before = await setup();
    await before.append('a', [step('a', 'kept')]);
    await before.append('a', [step('a', 'lost'), step('a', 'lost')]);
    await before.projector.apply(await before.commits('a'));
    const after = await setup();
    const [kept] = await before.commits('a');
    if (kept) await after.storage.put(kept);
    await after.append('a', [step('a', 'new')]);
    const projector = new Projector({ projections: [actions], store: after.store, views: before.views });
    expect(await projector.apply((await after.commits('a')).slice(1))).toEqual([]);
    expect(await before.view('a')).toMatchObject({ version: 2, view: { seen: ['kept', 'new'] } });
  });

  it('adds nothing more to a shared view that has counted lost events', async () => {
    const counts = defineSharedProjection({
      name: 'counts',
      types: ['agent.step-recorded'],
      shards: 1,
      evolve: (own = {}) => own,
      count: () => ({ all: { steps: 1 } }),
    });
    const views = new MemoryViewStore();
    const sharedViews = new MemorySharedViews(views);
    const before = await setup();
    await before.append('a', [step('a', 'kept')]);
    await before.append('a', [step('a', 'lost'), step('a', 'lost')]);
    const shared = { projections: [counts], views, sharedViews };
    await new Projector({ ...shared, store: before.store }).apply(await before.commits('a'));
    const after = await setup();
    const [kept] = await before.commits('a');
    if (kept) await after.storage.put(kept);
    await after.append('a', [step('a', 'new')]);
    const [failure] = await new Projector({ ...shared, store: after.store }).apply((await after.commits('a')).slice(1));
    expect(failure?.error).toMatchObject({ code: 'CORRUPT_DATA', message: expect.stringContaining('rebuild') });
  });
});

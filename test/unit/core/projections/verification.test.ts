import { describe, expect, it } from 'vitest';
import { EventLog } from '../../../../core/log/log.ts';
import { LogWriter } from '../../../../core/log/writer.ts';
import { LIVE_GENERATION, Projector } from '../../../../core/projections/projector.ts';
import { Verification } from '../../../../core/projections/verification.ts';
import { EventStore } from '../../../../core/store/event-store.ts';
import { projections } from '../../../../domain/projections.ts';
import type { NewEvent } from '../../../../events/catalogue.ts';
import { MemoryLogStorage } from '../../../support/memory-log.ts';
import { MemorySharedViews } from '../../../support/memory-shared-views.ts';
import { MemoryCommitStorage } from '../../../support/memory-storage.ts';
import { MemoryViewStore } from '../../../support/memory-views.ts';
import { step } from '../../../support/sample-events.ts';

const LATER = new Date(Date.now() + 3_600_000);

async function setup() {
  const storage = new MemoryCommitStorage();
  const pages = new MemoryLogStorage();
  const store = new EventStore(storage);
  const views = new MemoryViewStore();
  const sharedViews = new MemorySharedViews(views);
  const projector = new Projector({ projections, store, views, sharedViews });
  const writer = new LogWriter({ storage: pages, commits: storage, strategy: 'single' });
  const append = async (stream: string, events: NewEvent[], { deliver = true } = {}) => {
    const { fromVersion } = await store.append(stream, events, { expectedVersion: 'any' });
    const commits = await Array.fromAsync(store.commits(stream, { from: fromVersion }));
    await writer.append(commits);
    if (deliver) expect(await projector.apply(commits)).toEqual([]);
  };
  const task = (taskId: string): NewEvent => ({
    type: 'task.requested',
    data: { taskId, requiredAgents: ['1'], payload: {}, deadlineSeconds: 60 },
  });
  const done = (taskId: string): NewEvent => ({
    type: 'task.completed',
    data: { taskId, agentId: '1', result: null, duration: 5, resources: {} },
  });
  for (const id of ['1', '2']) await append(`agent-${id}`, [step('a'), step('b')]);
  await append('task-1', [task('1'), done('1')]);
  const log = new EventLog({ storage: pages, strategy: 'single' });
  const live = () => LIVE_GENERATION;
  const verify = async () => {
    const verification = new Verification({ projections, store, log, views, sharedViews, live, now: () => LATER });
    const found = await Array.fromAsync(verification.run());
    return found.flatMap(({ differences }) =>
      differences.map(({ projection, key, kind }) => `${projection}/${key} ${kind}`),
    );
  };
  return { append, verify, views, sharedViews, store };
}

describe('Verification', () => {
  it('finds nothing where nothing is wrong, also while views lag behind', async () => {
    const { verify } = await setup();
    expect(await verify()).toEqual([]);
  });

  it('finds a view that somebody changed, however little', async () => {
    const { verify, views } = await setup();
    const stored = await views.get('agent-status', 1, '1');
    if (!stored) throw new Error('no view');
    await views.put({ ...stored, view: { ...stored.view, steps: 3 } }, stored.version);
    expect(await verify()).toEqual(['agent-status/1 differs']);
  });

  it('finds a counter that somebody changed, and a view of sums that should not be there', async () => {
    const { verify, sharedViews } = await setup();
    const place = { projection: 'fleet-overview', generation: 1, shard: 0 };
    await sharedViews.add([], { ...place, increments: new Map([['all', new Map([['/agents/created', 1n]])]]) });
    await sharedViews.add([], { ...place, increments: new Map([['2020-01-01', new Map([['/00/x', 1n]])]]) });
    expect((await verify()).toSorted()).toEqual(['fleet-overview/2020-01-01 differs', 'fleet-overview/all differs']);
  });

  it('finds a checkpoint that is ahead of its stream, a view without one, and a view that was left behind', async () => {
    const { verify, views, append } = await setup();
    const stored = await views.get('agent-status', 1, '1');
    if (!stored) throw new Error('no view');
    await views.put({ ...stored, version: 9 }, stored.version);
    await views.put({ ...stored, key: 'nobody' }, 0);
    await append('agent-2', [step('c')], { deliver: false });
    expect((await verify()).toSorted()).toEqual([
      'agent-status/1 ahead',
      'agent-status/2 behind',
      'agent-status/nobody orphan',
      'fleet-overview/agent-2 behind',
    ]);
  });

  it('does not count a parked stream as behind: the dead letter says so', async () => {
    const { verify, views, append } = await setup();
    const stored = await views.get('agent-status', 1, '1');
    if (!stored) throw new Error('no view');
    const parked = { version: 3, error: 'no', since: '2026-01-05T09:00:00.000Z', attempts: [] };
    await views.put({ ...stored, parked }, stored.version);
    await append('agent-1', [step('c')]);
    expect(await verify()).toEqual([]);
  });
});

import { describe, expect, it, vi } from 'vitest';
import type { NewEvent } from '../../../../core/events/catalogue.ts';
import { LogArchive } from '../../../../core/log/archive.ts';
import { LogArchiver } from '../../../../core/log/archiver.ts';
import type { PartitionStrategy } from '../../../../core/log/partition.ts';
import { LogWriter } from '../../../../core/log/writer.ts';
import { LIVE_GENERATION, Projector } from '../../../../core/projections/projector.ts';
import { ClaimCheck, LargeCommitStorage } from '../../../../core/store/claim-check.ts';
import { encodeEvents } from '../../../../core/store/commit.ts';
import { EventStore } from '../../../../core/store/event-store.ts';
import type { Phase } from '../../../../core/verification/state.ts';
import { Verification, type VerificationReport } from '../../../../core/verification/verification.ts';
import agents from '../../../../domain/application.ts';
import { MemoryCommitStorage } from '../../../../testing/memory/commit-storage.ts';
import { MemorySharedViews } from '../../../../testing/memory/shared-views.ts';
import { MemoryViewStore } from '../../../../testing/memory/views.ts';
import { catalogue } from '../../../support/application.ts';
import { MemoryLogStorage } from '../../../support/memory-log.ts';
import { MemoryObjectStore } from '../../../support/memory-objects.ts';
import { noise, step } from '../../../support/sample-events.ts';

const { projections } = agents;

const LATER = new Date(Date.now() + 3_600_000);

interface Setup {
  readonly strategy?: PartitionStrategy;
}

async function setup({ strategy = 'single' }: Setup = {}) {
  const storage = new MemoryCommitStorage();
  const pages = new MemoryLogStorage();
  const objects = new MemoryObjectStore();
  const [claims, archive] = [new ClaimCheck(objects), new LogArchive(objects)];
  const store = new EventStore(new LargeCommitStorage(storage, claims), { catalogue });
  const views = new MemoryViewStore();
  const sharedViews = new MemorySharedViews(views);
  const projector = new Projector({ projections, store, views, sharedViews });
  const writer = new LogWriter({ catalogue, storage: pages, commits: storage, strategy });
  const append = async (stream: string, events: NewEvent[], { deliver = true, log = true } = {}) => {
    const { fromVersion } = await store.append(stream, events, { expectedVersion: 'any' });
    const commits = await Array.fromAsync(store.commits(stream, { from: fromVersion }));
    if (log) await writer.append(commits);
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
  const live = () => LIVE_GENERATION;
  const places = { store, commits: storage, claims, storage: pages, views, sharedViews };
  // An archive remembers the segment read last, so each verification has its own.
  const openAt = (now: Date) =>
    new Verification({ catalogue, ...places, archive: new LogArchive(objects), projections, live, now: () => now });
  const open = () => openAt(LATER);
  const report = async () => reportOf(open());
  const verify = async () => namesOf(await report());
  const commitAt = async (stream: string, version: number) => {
    const [commit] = await Array.fromAsync(storage.read(stream, { from: version, to: version, direction: 'forward' }));
    if (!commit) throw new Error('no commit');
    return commit;
  };
  return {
    append,
    verify,
    report,
    open,
    openAt,
    views,
    sharedViews,
    store,
    storage,
    pages,
    archive,
    objects,
    commitAt,
    strategy,
  };
}

async function reportOf(verification: Verification, cursor?: string): Promise<VerificationReport> {
  const run = verification.run(cursor);
  for (let step = await run.next(); ; step = await run.next()) if (step.done) return step.value;
}

const namesOf = ({ differences }: VerificationReport) => differences.map(({ place, kind }) => `${place} ${kind}`);

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

  it('takes as little memory for many shared views as for few, and names those that differ', async () => {
    const { verify, open, sharedViews, append } = await setup();
    const agents = Array.from({ length: 4_000 }, (_, index) => `a-${index}`);
    for (let first = 0; first < agents.length; first += 50) {
      const [taskId, own] = [`many-${first}`, agents.slice(first, first + 50)];
      const answers = own.map(
        (agentId): NewEvent => ({
          type: 'task.completed',
          data: { taskId, agentId, result: null, duration: 5, resources: {} },
        }),
      );
      const asked: NewEvent = {
        type: 'task.requested',
        data: { taskId, requiredAgents: own, payload: {}, deadlineSeconds: 60 },
      };
      await append(`task-${taskId}`, [asked, ...answers]);
    }
    let longest = 0;
    for await (const progress of open().run()) longest = Math.max(longest, progress.cursor().length);
    expect(longest).toBeLessThan(150_000);
    expect(await verify()).toEqual([]);
    const spoil = (agentId: string) =>
      sharedViews.add([], {
        ...{ projection: 'leaderboard', generation: 1, shard: 0 },
        increments: new Map([[agentId, new Map([['/completed', 1n]])]]),
      });
    for (const agentId of ['a-7', 'a-3999', 'nobody']) await spoil(agentId);
    expect((await verify()).toSorted()).toEqual(['a-3999', 'a-7', 'nobody'].map((key) => `leaderboard/${key} differs`));
    for (const agentId of agents.slice(100, 200)) await spoil(agentId);
    const found = await verify();
    expect(found.length).toBeGreaterThan(10);
    expect(found).toContain('leaderboard/* differs');
  }, 60_000);

  it('finds a checkpoint ahead of its stream, a view without a stream, and a view that is behind', async () => {
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

  it.each(['single', 'by_aggregate_type', 'sharded'] as const)(
    'reads all of a log that is divided as %s',
    async (strategy) => {
      const { report } = await setup({ strategy });
      expect(await report()).toMatchObject({
        verdict: expect.stringMatching(
          strategy === 'single'
            ? /3 commits, 6 events, 3 log pages, \d+ views; no differences$/
            : /3 commits, 6 events, [345] log pages, \d+ views; no differences$/,
        ),
        total: 0,
      });
    },
  );

  it('reads pages from the archive, and names those that are damaged there', async () => {
    const { verify, pages, archive, objects, append } = await setup();
    await append('agent-3', [step('a')]);
    const now = () => new Date(LATER.getTime() + 400 * 24 * 3_600_000);
    await new LogArchiver({ catalogue, storage: pages, archive, retentionDays: 365, compression: true, now }).run();
    expect(await Array.fromAsync(pages.read('all', { after: 0 }))).toHaveLength(1);
    expect(await verify()).toEqual([]);
    const [segment] = await Array.fromAsync(objects.list('log/segments/'));
    await objects.put(segment?.key ?? '', Buffer.from('rubbish'));
    expect(await verify()).toEqual([
      'partition all, pages 1 to 3 unreadable',
      'stream agent-1, version 1 missing',
      'stream agent-2, version 1 missing',
      'stream task-1, version 1 missing',
    ]);
    await objects.delete((await Array.fromAsync(objects.list('log/manifests/')))[0]?.key ?? '');
    expect(await verify()).toContain('partition all, pages 1 to 3 missing');
  });

  it('finds a missing page in the middle, a missing last page, and a damaged page', async () => {
    const { verify, pages } = await setup();
    await pages.expire('all', 2, 2);
    expect(await verify()).toEqual(['partition all, page 2 missing', 'stream agent-2, version 1 missing']);
    await pages.expire('all', 3, 3);
    expect(await verify()).toEqual(['stream agent-2, version 1 missing', 'stream task-1, version 1 missing']);
    const [first] = await Array.fromAsync(pages.read('all', { after: 0 }));
    if (!first) throw new Error('no page');
    await pages.expire('all', 1, 1);
    await pages.put({ ...first, body: Buffer.from([1, 2, 3]) });
    expect(await verify()).toContain('partition all, page 1 unreadable');
  });

  it.each([
    ['types that are not all', { types: ['task.completed'] }],
    ['an end before its commits', { through: '2000-01-01T00:00:00.000Z' }],
    ['an end that stops readers too soon', { through: '9999-01-01T00:00:00.000Z' }],
    ['an end that is no time', { through: 'soon' }],
    ['a beginning after its commits', { firstRecordedAt: '9999-01-01T00:00:00.000Z' }],
  ])('finds a page whose header hides events from readers: %s', async (_, header) => {
    const { verify, pages } = await setup();
    const last = await pages.last('all');
    if (!last) throw new Error('no page');
    await pages.expire('all', 3, 3);
    await pages.put({ ...last, ...header });
    expect(await verify()).toEqual(['partition all, page 3 differs']);
  });

  it('finds a page that knows less of late commits than there are', async () => {
    const { verify, pages } = await setup();
    const [first, second, third] = await Array.fromAsync(pages.read('all', { after: 0 }));
    if (!first || !second || !third) throw new Error('no pages');
    const ahead = { ...first, through: '9998-01-01T00:00:00.000Z' };
    await pages.expire('all', 1, 3);
    for (const page of [ahead, { ...second, through: ahead.through }, { ...third, through: ahead.through }])
      await pages.put(page);
    expect(await verify()).toEqual([1, 3].map((page) => `partition all, page ${page} differs`));
  });

  it('finds a changed, a missing and an unreadable commit in the store', async () => {
    const { verify, storage, commitAt } = await setup();
    const commit = await commitAt('task-1', 1);
    const event = { id: 'x', type: 'task.requested', version: 1, timestamp: 't', source: 's' };
    const data = { taskId: '1', requiredAgents: ['1'], payload: { forged: true }, deadlineSeconds: 60 };
    const forged = [{ ...event, data } as never, { ...event, type: 'task.failed', data: {} } as never];
    const body = await encodeEvents(forged, 0);
    storage.tamper('task-1', 1, { ...commit, body });
    expect(await verify()).toContain('stream task-1, version 1 differs');
    storage.tamper('task-1', 1, { ...commit, recordedAt: '2099-01-01T00:00:00.000Z' });
    expect(await verify()).toContain('stream task-1, version 1 differs');
    storage.tamper('task-1', 1, { ...commit, body: Buffer.from([9]) });
    expect(await verify()).toEqual(
      expect.arrayContaining(['stream task-1, version 1 unreadable', 'task-status/1 unreadable']),
    );
    storage.tamper('task-1', 1);
    expect(await verify()).toEqual(
      expect.arrayContaining(['stream task-1, version 1 lost', 'task-status/1 orphan', 'fleet-overview/all differs']),
    );
  });

  it('finds versions of a stream that are not there, and a body that is not in the objects', async () => {
    const { verify, storage, append, objects } = await setup();
    await append('agent-1', [step('c')]);
    await append('agent-1', [step('d')]);
    storage.tamper('agent-1', 3);
    expect(await verify()).toEqual(
      expect.arrayContaining(['stream agent-1, version 4 gap', 'stream agent-1, version 3 lost']),
    );
    await append('agent-4', [step(noise(700_000))]);
    const [body] = await Array.fromAsync(objects.list('large-events/'));
    await objects.delete(body?.key ?? '');
    expect(await verify()).toEqual(expect.arrayContaining(['stream agent-4, version 1 unreadable']));
  });

  it('finds a commit that the log has twice, and does not report a new commit', async () => {
    const { verify, pages, append, openAt } = await setup();
    const [first] = await Array.fromAsync(pages.read('all', { after: 0, limit: 1 }));
    const last = await pages.last('all');
    if (!first || !last) throw new Error('no pages');
    await pages.put({ ...first, page: 4, firstEvent: 7, through: last.through, latenessMs: 60_000 });
    expect(await verify()).toEqual(['stream agent-1, version 1 twice']);
    await pages.expire('all', 4, 4);
    await append('agent-9', [step('a')], { deliver: false, log: false });
    expect(await verify()).toContain('stream agent-9, version 1 missing');
    expect(namesOf(await reportOf(openAt(new Date())))).toEqual([]);
  });

  it('continues from any cursor, and comes to the same report', async () => {
    const { open, pages, views, append } = await setup();
    for (let id = 10; id < 75; id++) await append(`agent-${id}`, [step('a')]);
    await pages.expire('all', 2, 2);
    const stored = await views.get('agent-status', 1, '1');
    if (!stored) throw new Error('no view');
    await views.put({ ...stored, view: { ...stored.view, steps: 3 } }, stored.version);
    const expected = await reportOf(open());
    expect(expected.total).toBe(3);
    const cursors: string[] = [];
    for await (const progress of open().run()) cursors.push(progress.cursor());
    expect(cursors.length).toBeGreaterThan(65);
    for (const cursor of cursors) expect(await reportOf(open(), cursor)).toEqual(expected);
  });

  it('ends in slices of one step, and reads in them as much as a single run', async () => {
    const { open, pages, views, storage, append } = await setup();
    for (let id = 10; id < 240; id++) await append(`agent-${id}`, [step('a')]);
    await pages.expire('all', 2, 2);
    await pages.expire('all', 40, 40);
    const stored = await views.get('agent-status', 1, '1');
    if (!stored) throw new Error('no view');
    await views.put({ ...stored, key: 'nobody' }, 0);
    storage.tamper('agent-200', 1);
    const lists = vi.spyOn(views, 'list');
    const scan = storage.scan.bind(storage);
    let scanned = 0;
    vi.spyOn(storage, 'scan').mockImplementation(async function* (after) {
      for await (const found of scan(after)) {
        scanned += 1;
        yield found;
      }
    });
    const expected = await reportOf(open());
    const places = ['agent-status/200 orphan', 'agent-status/nobody orphan', 'stream agent-200, version 1 lost'];
    expect(namesOf(expected)).toEqual(expect.arrayContaining(places));
    const once = { lists: lists.mock.calls.length, scanned };
    lists.mockClear();
    scanned = 0;
    const phases: Phase[] = [];
    let [report, cursor]: [VerificationReport | undefined, string | undefined] = [undefined, undefined];
    while (!report && phases.length < 1_000) {
      const slice = open().run(cursor);
      const first = await slice.next();
      if (first.done) report = first.value;
      else {
        cursor = first.value.cursor();
        phases.push(first.value.phase);
        await slice.return(first.value as never);
      }
    }
    expect(report).toEqual(expected);
    expect([...new Set(phases)]).toEqual(['log', 'streams', 'orphans', 'sums', 'commits']);
    expect(lists.mock.calls).toHaveLength(once.lists);
    const scans = phases.filter((phase) => phase === 'streams' || phase === 'commits').length;
    expect(scanned).toBeLessThanOrEqual(once.scanned + scans);
  });

  it('names a bounded number of differences and counts the rest', async () => {
    const { report, pages, append } = await setup();
    for (let id = 10; id < 140; id++) await append(`agent-${id}`, [step('a')]);
    await pages.expire('all', 1, 133);
    const { verdict, total, differences } = await report();
    expect(total).toBe(133);
    expect(differences).toHaveLength(100);
    expect(verdict).toMatch(/^DIFFERENCES FOUND: .*; 133 differences, 133 in the log$/);
  });
});

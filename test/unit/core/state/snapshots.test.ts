import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UnavailableError } from '../../../../core/base/errors.ts';
import type { NewEvent } from '../../../../core/events/catalogue.ts';
import { catalogueOf } from '../../../../core/events/catalogue.ts';
import { viewFold } from '../../../../core/projections/view-fold.ts';
import { handleCommand } from '../../../../core/state/decider.ts';
import { type Fold, stateFold } from '../../../../core/state/fold.ts';
import { SnapshotStore } from '../../../../core/state/snapshot-store.ts';
import { SnapshotWriter } from '../../../../core/state/snapshot-writer.ts';
import { StateReader } from '../../../../core/state/state-reader.ts';
import type { Commit } from '../../../../core/store/commit.ts';
import type { Change, CommitRange, CommitStorage } from '../../../../core/store/commit-storage.ts';
import { EventStore } from '../../../../core/store/event-store.ts';
import { agentDecider } from '../../../../domain/agent/agent.ts';
import { type AgentStatus, agentStatus } from '../../../../domain/agent/agent-status.ts';
import { definitions } from '../../../../events/catalogue.ts';
import { MemoryCommitStorage } from '../../../../testing/memory/commit-storage.ts';
import { catalogue } from '../../../support/application.ts';
import { MemoryObjectStore } from '../../../support/memory-objects.ts';
import { recordTelemetry } from '../../../support/recorded-telemetry.ts';
import { step } from '../../../support/sample-events.ts';

const view = viewFold(agentStatus);
const state = stateFold(agentDecider);
const STREAM = 'agent-42';

/** Counts what is asked of a storage. */
class CountingStorage implements CommitStorage {
  readonly inner = new MemoryCommitStorage();
  reads: CommitRange[] = [];
  finds = 0;
  fetched = 0;
  put = (commit: Commit) => this.inner.put(commit);
  head = (stream: string) => this.inner.head(stream);
  note = (unchanged: Commit) => this.inner.note(unchanged);
  transact = (change: Change) => this.inner.transact(change);
  findMark = (id: string) => this.inner.findMark(id);
  tagHead = (tag: string) => this.inner.tagHead(tag);
  tagged = (tag: string, after: number) => this.inner.tagged(tag, after);
  find(stream: string, commitId: string) {
    this.finds += 1;
    return this.inner.find(stream, commitId);
  }
  async *read(stream: string, range: CommitRange) {
    this.reads.push(range);
    for await (const commit of this.inner.read(stream, range)) {
      this.fetched += 1;
      yield commit;
    }
  }
  reset() {
    this.reads = [];
    this.finds = 0;
    this.fetched = 0;
  }
}

function setup({ interval = 10, cacheBytes = 0 } = {}) {
  const storage = new CountingStorage();
  let clock = Date.parse('2026-01-05T09:00:00Z');
  const tick = () => {
    clock += 1_000;
    return new Date(clock);
  };
  const store = new EventStore(storage, { catalogue, now: tick });
  const objects = new MemoryObjectStore();
  const faults: string[] = [];
  const errors: unknown[] = [];
  const { metrics, counted } = recordTelemetry();
  const snapshots = new SnapshotStore(objects, {
    catalogue,
    interval,
    onFault: (fault) => faults.push(fault),
    metrics,
  });
  const writer = new SnapshotWriter({
    store,
    snapshots,
    folds: [state, view],
    onError: (_, error) => errors.push(error),
  });
  const states = new StateReader({ store, snapshots, cacheBytes, metrics });
  /** Appends commits of these sizes, with snapshots as they become due unless told otherwise. */
  const append = async (sizes: readonly number[], { snapshot = true, happened = noTime } = {}) => {
    for (const size of sizes) {
      const expectedVersion = await store.head(STREAM);
      const versions = Array.from({ length: size }, (_, index) => expectedVersion + index + 1);
      const events = versions.map((version) => ({ ...event(version), ...happened(version) }));
      await store.append(STREAM, events, { expectedVersion });
      const commits = await Array.fromAsync(store.commits(STREAM, { from: expectedVersion + 1 }));
      if (snapshot) await writer.write(commits);
    }
    storage.reset();
    objects.reads = 0;
  };
  const keys = async (fold: Fold<unknown> = state) =>
    (await Array.fromAsync(objects.list(`snapshots/${fold.name}/`))).map(({ key }) => Number(key.split('/').at(-1)));
  return { storage, store, objects, snapshots, writer, states, faults, errors, append, keys, counted };
}

const noTime = (_version: number): { timestamp?: string } => ({});
const states = ['idle', 'running', 'waiting', 'failed'] as const;

/** Steps and changes of state in turn, so that both the decider's state and the view go through many. */
function event(version: number): NewEvent {
  if (version % 3 !== 0)
    return {
      ...step(`step ${version}`),
      data: { agentId: '42', action: `step ${version}`, usage: { tokens: version } },
    };
  const newState = states[version % states.length] ?? 'idle';
  const data = { agentId: '42', previousState: 'idle', newState, reason: `because of ${version}` } as const;
  return { type: 'agent.state-changed', data };
}

const whole = async <State>(store: EventStore, fold: Fold<State>, to?: number) => {
  let folded = fold.initialState;
  for await (const event of store.read(STREAM, { to })) folded = fold.evolve(folded, event);
  return folded;
};

describe('snapshots', () => {
  it('give the state that the whole history gives, from whatever of them a load starts', async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(sizes, fc.integer({ min: 1, max: 15 }), fc.nat(), async (commits, interval, past) => {
        const { append, states, store, snapshots } = setup({ interval });
        await append(commits);
        const head = await store.head(STREAM);
        for (const fold of [state, view] as Fold<unknown>[]) {
          expect(await states.load(fold, STREAM)).toEqual({
            state: await whole(store, fold),
            version: head,
          });
          const version = 1 + (past % head);
          expect(await states.past(fold, STREAM, { version })).toEqual({
            state: await whole(store, fold, version),
            version,
          });
          // Every snapshot there is, plus all that follows it, is the whole.
          for (let k = interval; k <= head; k += interval) {
            const snapshot = await snapshots.newest(fold, STREAM, { version: k }, store);
            let folded = snapshot?.state ?? fold.initialState;
            for await (const own of store.read(STREAM, { from: (snapshot?.version ?? 0) + 1 }))
              folded = fold.evolve(folded, own);
            expect(folded).toEqual(await whole(store, fold));
          }
        }
      }),
      { numRuns: Number(process.env['SNAPSHOT_RUNS'] ?? 30), seed: Number(process.env['SEED'] ?? 7) },
    );
  });

  it('are written whenever a commit steps over a multiple, and at no other', async () => {
    const { append, keys } = setup();
    await append([9, 3, 5, 2, 1, 1]); // ends at 9, 12, 17, 19, 20, 21
    expect(await keys()).toEqual([10, 20]);
    expect(await keys(view)).toEqual([10, 20]);
  });

  it('are pruned to the last three and one for every thousand', async () => {
    const { append, keys } = setup({ interval: 100 });
    await append(Array(25).fill(100));
    expect(await keys()).toEqual([1000, 2000, 2300, 2400, 2500]);
  });

  it('make a load read the tail alone: of 2,550 events it fetches the last 50', async () => {
    const { append, states, storage, objects, faults } = setup({ interval: 100 });
    await append(Array(25).fill(100));
    await append(Array(50).fill(1));
    expect(await states.load(state, STREAM)).toMatchObject({ version: 2_550 });
    expect(storage.reads).toHaveLength(2);
    expect(storage.fetched).toBeLessThanOrEqual(51);
    expect(objects.reads).toBe(1);
    expect(faults).toEqual([]);
  });

  it('are not asked for when the stream is short', async () => {
    const { append, states, storage, objects } = setup({ interval: 100 });
    await append(Array(20).fill(10)); // 200 events in 20 commits: one look shows them all
    expect(await states.load(state, STREAM, { commitId: 'unknown-key' })).toMatchObject({ version: 200 });
    await states.load(state, 'agent-none');
    expect(storage.reads).toHaveLength(2);
    expect([objects.reads, storage.finds]).toEqual([0, 0]);
  });

  const damages: [string, (objects: MemoryObjectStore, key: string) => Promise<unknown>, string][] = [
    ['missing', (objects, key) => objects.delete(key), 'missing'],
    [
      'truncated',
      async (objects, key) => objects.put(key, ((await objects.get(key)) ?? new Uint8Array()).slice(0, -9)),
      'corrupt',
    ],
    ['not gzip', (objects, key) => objects.put(key, Buffer.from('{}')), 'corrupt'],
    ['empty', (objects, key) => objects.put(key, new Uint8Array()), 'corrupt'],
  ];

  it.each(damages)('that are %s cost a longer read, and are told of', async (_, damage, fault) => {
    const { append, states, store, objects, faults, counted } = setup();
    await append([10, 10, 10, 5, ...Array(30).fill(1)]);
    const listed = await Array.fromAsync(objects.list('snapshots/'));
    for (const { key } of listed.filter(({ key }) => key.endsWith('60'))) await damage(objects, key);
    expect(await states.load(view, STREAM)).toEqual({ state: await whole(store, view), version: 65 });
    expect(faults).toEqual([fault]);
    expect(counted('snapshot_reads_total').filter(({ result }) => result === fault)).toHaveLength(1);
    for (const { key } of listed) await damage(objects, key);
    expect(await states.load(view, STREAM)).toMatchObject({ state: await whole(store, view), version: 65 });
    expect(new Set(faults)).toEqual(new Set([fault]));
  });

  it.each([
    ['of another version of the fold', { ...view, stateVersion: 2 }, catalogue, 'schema'],
    ['of other event types', view, catalogueOf(definitions.filter(({ access }) => access === 'open')), 'schema'],
    ['of another stream or fold', view, catalogue, 'corrupt'],
  ])('that are %s are passed over', async (_, fold, types, fault) => {
    const { append, states, store, objects, faults } = setup({ interval: 20 });
    const snapshots = new SnapshotStore(objects, { catalogue: types, interval: 20 });
    await append([...Array(60).fill(1)]);
    const recordedAt = '2026-01-05T09:00:00.000Z';
    const lies = { lies: true } as unknown as AgentStatus;
    if (fault === 'schema') await snapshots.put(fold, { stream: STREAM, version: 60, recordedAt, state: lies });
    else {
      await snapshots.put(fold, { stream: 'agent-43', version: 60, recordedAt, state: lies });
      const key = 'snapshots/view.agent-status/agent-43/0000000000000060';
      await objects.put(key.replace('43', '42'), (await objects.get(key)) ?? new Uint8Array());
    }
    expect(await states.load(view, STREAM)).toMatchObject({ state: await whole(store, view), version: 60 });
    expect(faults).toEqual([fault]);
  });

  it('that cannot be reached, or take too long, do not keep a load from its answer', async () => {
    const { append, store } = setup();
    await append(Array(60).fill(1));
    const faults: string[] = [];
    const outage = async () => {
      throw new UnavailableError('no');
    };
    const objects = Object.assign(new MemoryObjectStore(), { get: outage });
    const states = new StateReader({
      store,
      snapshots: new SnapshotStore(objects, { catalogue, interval: 10, onFault: (fault) => faults.push(fault) }),
    });
    expect(await states.load(state, STREAM)).toMatchObject({ state: await whole(store, state), version: 60 });
    expect(faults).toEqual(['unavailable']);
  });

  it('that cannot be written are told of, and the next milestone makes up for it', async () => {
    const { append, objects, errors, keys } = setup();
    const { put } = objects;
    objects.put = () => Promise.reject(new UnavailableError('full'));
    await append([10]);
    expect(errors).toHaveLength(1);
    objects.put = put;
    await append([10]);
    expect(await keys()).toEqual([10, 20]);
  });

  it('serve no moment that lies before something in them, when clocks disagree', async () => {
    const { snapshots, keys } = setup();
    const at = (minute: number) => new Date(Date.UTC(2126, 0, 5, 9, minute)); // after the objects are written
    const minutes = [0, 10, 30, 5, 20]; // the third writer's clock is ahead
    let now = at(0);
    const store = new EventStore(new MemoryCommitStorage(), { catalogue, now: () => now });
    const onError = (_: string, error: unknown) => {
      throw error;
    };
    const writer = new SnapshotWriter({ store, snapshots, folds: [view], onError });
    for (const [index, minute] of minutes.entries()) {
      now = at(minute);
      const events = [1, 2, 3].map((n) => event(3 * index + n));
      await store.append(STREAM, events, { expectedVersion: 3 * index });
      await writer.write(await Array.fromAsync(store.commits(STREAM, { from: 3 * index + 1 })));
    }
    expect(await keys(view)).toEqual([10]); // of the milestone that the fourth commit stepped over
    const [fast, slow] = [new StateReader({ store, snapshots }), new StateReader({ store })];
    for (const minute of [0, 7, 15, 25, 30, 40]) {
      const [found, expected] = [
        await fast.past(view, STREAM, { at: at(minute) }),
        await slow.past(view, STREAM, { at: at(minute) }),
      ];
      expect(found, `at 9:${minute}`).toEqual(expected);
    }
    expect((await fast.past(view, STREAM, { at: at(15) })).version).toBe(6);
    expect((await fast.past(view, STREAM, { at: at(30) })).version).toBe(15);
  });

  it('serve a moment by the time at which events happened when nothing in them happened after it', async () => {
    const { append, store, states, storage, objects } = setup();
    const minute = (n: number) => new Date(Date.UTC(2126, 0, 5, 9, n)); // after the objects are written
    const minutes = [
      ...Array.from({ length: 21 }, (_, n) => n),
      40,
      5,
      ...Array.from({ length: 20 }, (_, n) => 21 + n),
    ];
    const happened = (version: number) => ({ timestamp: minute(minutes[version - 1] ?? 0).toISOString() });
    await append(Array(minutes.length).fill(1), { happened });
    const slow = new StateReader({ store });
    for (const n of [-1, 0, 9, 10, 12, 19, 21, 39, 40]) {
      const moment = { at: minute(n), clock: 'happened' } as const;
      expect(await states.past(view, STREAM, moment), `at 9:${n}`).toEqual(await slow.past(view, STREAM, moment));
    }
    storage.reset();
    await states.past(view, STREAM, { at: minute(25), clock: 'happened' });
    expect([objects.reads > 0, storage.fetched]).toEqual([true, minutes.length - 20 + 1]);
  });

  it('serve a moment in the past when nothing in them was recorded after it', async () => {
    const { append, states, store, objects, storage } = setup();
    await append(Array(60).fill(1));
    const [event] = await Array.fromAsync(store.read(STREAM, { from: 34, to: 34 }));
    storage.reset();
    const at = new Date(event?.metadata.recordedAt ?? '');
    expect(await states.past(view, STREAM, { at })).toEqual({ state: await whole(store, view, 34), version: 34 });
    expect(await states.past(view, STREAM, { at: new Date(at.getTime() - 1) })).toMatchObject({ version: 33 });
    expect(await states.past(view, STREAM, { at: new Date(0) })).toEqual({ state: undefined, version: 0 });
    expect(objects.reads).toBe(0); // they were written later than that, as far as their keys tell
    storage.reset();
    const soon = new Date(Date.now() + 60_000);
    expect(await states.past(view, STREAM, { at: soon })).toEqual({ state: await whole(store, view), version: 60 });
    expect([objects.reads, storage.fetched]).toEqual([1, 61]); // with the commit that the snapshot ends in
  });
});

describe('a warm cache', () => {
  const command = { kind: 'record-step', action: 'ls' } as const;
  const run = ({ store, states }: ReturnType<typeof setup>, commitId?: string) =>
    handleCommand(store, agentDecider, '42', command, { states, commitId });

  it('loads a hot stream with one query for its tail, with or without an idempotency key', async () => {
    const own = setup({ cacheBytes: 1_000_000 });
    await handleCommand(
      own.store,
      agentDecider,
      '42',
      { kind: 'create', agentType: 'c', configuration: {}, createdBy: 'o' },
      { states: own.states },
    );
    for (const key of [undefined, 'k1', 'k2']) {
      own.storage.reset();
      await run(own, key);
      expect(own.storage.reads).toMatchObject([{ startsCommit: true }]);
      expect([own.storage.fetched, own.storage.finds]).toEqual([0, 0]);
    }
    expect(await own.store.head(STREAM)).toBe(4);
  });

  it('is never stale: others’ commits come with the tail, and the condition of the write decides', async () => {
    const own = setup({ cacheBytes: 1_000_000 });
    await own.append([5]);
    await run(own);
    const other = new StateReader({ store: own.store, cacheBytes: 1_000_000 });
    const stop = { kind: 'change-state', newState: 'stopped', reason: 'x' } as const;
    await handleCommand(own.store, agentDecider, '42', stop, { states: other });
    await expect(run(own)).rejects.toThrow('stopped');
  });

  it('takes in a conflict and decides again', async () => {
    const own = setup({ cacheBytes: 1_000_000 });
    await own.append([5]);
    const results = await Promise.all(Array.from({ length: 8 }, (_, n) => run(own, `k${n}`)));
    expect(results.map(({ version }) => version).toSorted()).toEqual(
      Array.from({ length: 8 }, (_, n) => 6 + n).toSorted(),
    );
    expect(await own.store.head(STREAM)).toBe(13);
  });

  it('counts what the cache and the snapshots were good for', async () => {
    const { append, states, counted } = setup({ cacheBytes: 1_000_000 });
    await append([10, 10, 10, 5, ...Array(30).fill(1)]);
    const before = counted('snapshot_reads_total').length; // the writer goes on from earlier ones
    await states.load(view, STREAM);
    await states.load(view, STREAM);
    expect(counted('cache_reads_total')).toEqual([
      { result: 'miss', value: 1 },
      { result: 'hit', value: 1 },
    ]);
    expect(counted('snapshot_reads_total').slice(before)).toEqual([{ result: 'hit', value: 1 }]);
  });

  it.each([0, 1_000_000])('finds a repeat however old it is, with a cache of %i', async (cacheBytes) => {
    const own = setup({ cacheBytes });
    await own.append([5]);
    const first = await run(own, 'key');
    await own.append(Array(80).fill(1));
    for (const states of [own.states, new StateReader({ store: own.store, snapshots: own.snapshots, cacheBytes })]) {
      await run({ ...own, states });
      expect(await run({ ...own, states }, 'key')).toEqual({ ...first, repeated: true });
    }
    expect(await own.store.head(STREAM)).toBe(88);
  });

  it('keeps no more than it may', async () => {
    const own = setup({ cacheBytes: 1_200 }); // room for two of these states
    const ids = ['a', 'b', 'c'];
    for (const id of ids) await own.store.append(`agent-${id}`, [step('x')], { expectedVersion: 0 });
    for (const id of ids) await own.states.load(state, `agent-${id}`);
    own.storage.reset();
    for (const id of ['c', 'b', 'a']) await own.states.load(state, `agent-${id}`);
    expect(own.storage.fetched).toBe(1); // a had to make room
  });
});

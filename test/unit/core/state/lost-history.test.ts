import { createHash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { viewFold } from '../../../../core/projections/view-fold.ts';
import type { Fold } from '../../../../core/state/fold.ts';
import { stateFold } from '../../../../core/state/fold.ts';
import { SnapshotStore } from '../../../../core/state/snapshot-store.ts';
import { SnapshotWriter } from '../../../../core/state/snapshot-writer.ts';
import { StateReader } from '../../../../core/state/state-reader.ts';
import { EventStore } from '../../../../core/store/event-store.ts';
import { agentDecider } from '../../../../domain/agent/agent.ts';
import { agentStatus } from '../../../../domain/agent/agent-status.ts';
import { MemoryCommitStorage } from '../../../../testing/memory/commit-storage.ts';
import { catalogue } from '../../../support/application.ts';
import { MemoryObjectStore } from '../../../support/memory-objects.ts';
import { step } from '../../../support/sample-events.ts';

const STREAM = 'agent-42';
const folds: Fold<unknown>[] = [stateFold(agentDecider), viewFold(agentStatus)];

/** A history whose snapshots lie in the objects. Appends under the same keys in every history, as callers that repeat do. */
function historyOver(objects: MemoryObjectStore, startsAt: string) {
  let clock = Date.parse(startsAt);
  const now = () => {
    clock += 1_000;
    return new Date(clock);
  };
  const storage = new MemoryCommitStorage();
  const store = new EventStore(storage, { catalogue, now });
  const faults: string[] = [];
  const snapshots = new SnapshotStore(objects, { catalogue, interval: 10, onFault: (fault) => faults.push(fault) });
  const onError = (_: string, error: unknown) => {
    throw error;
  };
  const writer = new SnapshotWriter({ store, snapshots, folds, onError });
  const append = async (to: number, text: string, { snapshot = true } = {}) => {
    for (let version = (await store.head(STREAM)) + 1; version <= to; version++) {
      const event = step(`${text} ${version}`);
      await store.append(STREAM, [event], { expectedVersion: version - 1, commitId: `key-${version}` });
      if (snapshot) await writer.write(await Array.fromAsync(store.commits(STREAM, { from: version })));
    }
  };
  const copyTo = async (other: MemoryCommitStorage, to: number) => {
    for await (const commit of store.commits(STREAM, { to })) await other.put(commit);
  };
  return { storage, store, snapshots, append, faults, copyTo };
}

/** A history whose last 70 events were lost: they were restored up to the 60th, and others were appended since. */
async function restored({ oldForm = false } = {}) {
  const objects = new MemoryObjectStore();
  const lost = historyOver(objects, '2026-01-05T09:00:00Z');
  await lost.append(130, 'lost');
  if (oldForm) await forget(objects);
  const history = historyOver(objects, '2026-01-05T12:00:00Z');
  await lost.copyTo(history.storage, 60);
  return { ...history, objects };
}

/** Makes the snapshots as they were before they said what they end in. */
async function forget(objects: MemoryObjectStore): Promise<void> {
  for await (const { key } of objects.list('snapshots/')) {
    const content = JSON.parse(gunzipSync((await objects.get(key)) ?? '').toString());
    const { fold, stream, version, recordedAt, schema, state } = content;
    const hash = createHash('sha256').update(JSON.stringify([fold, stream, version, recordedAt, schema]));
    const sha256 = hash.update(JSON.stringify(state)).digest('hex');
    const old = { fold, stream, version, recordedAt, schema, sha256, state };
    await objects.put(key, gzipSync(JSON.stringify(old)));
  }
}

async function expectTruth({ store, snapshots }: ReturnType<typeof historyOver>, versions: readonly number[]) {
  const [fast, slow] = [new StateReader({ store, snapshots }), new StateReader({ store })];
  for (const fold of folds) {
    expect(await fast.load(fold, STREAM)).toEqual(await slow.load(fold, STREAM));
    for (const version of versions) {
      expect(await fast.past(fold, STREAM, { version }), `${fold.name} at ${version}`).toEqual(
        await slow.past(fold, STREAM, { version }),
      );
    }
    const at = new Date(Date.now() + 60_000);
    expect(await fast.past(fold, STREAM, { at })).toEqual(await slow.past(fold, STREAM, { at }));
  }
}

describe.each([{ oldForm: false }, { oldForm: true }])('snapshots of a lost history, %o', ({ oldForm }) => {
  it('serve nobody after older events were restored and others were appended', async () => {
    const history = await restored({ oldForm });
    await expectTruth(history, [40, 60]);
    for (const head of [69, 70, 71, 95, 100, 101, 129, 130, 155]) {
      await history.append(head, 'new', { snapshot: false });
      await expectTruth(history, [55, 65, head - 1]);
    }
    expect(history.faults).toContain('foreign');
  });

  it('are no base for new ones, which take their places', async () => {
    const history = await restored({ oldForm });
    await history.append(155, 'new');
    await expectTruth(history, [65, 100, 130]);
    history.faults.length = 0;
    await expectTruth(history, [155]);
    expect(history.faults).toEqual([]);
  });

  it('do not serve forks of their streams', async () => {
    const history = await restored({ oldForm });
    await history.append(105, 'new', { snapshot: false });
    const fork = { type: 'agent.forked', data: { agentId: 'fork', parentId: '42', atVersion: 104 } } as const;
    await history.store.append('agent-fork', [fork], { expectedVersion: 0 });
    const { store, snapshots } = history;
    for (const fold of folds) {
      const [fast, slow] = [new StateReader({ store, snapshots }), new StateReader({ store })];
      expect(await fast.load(fold, 'agent-fork')).toEqual(await slow.load(fold, 'agent-fork'));
    }
  });
});

it('a snapshot serves though the commit that it ends in is damaged: damage is no other history', async () => {
  const objects = new MemoryObjectStore();
  const { append, snapshots, faults } = historyOver(objects, '2026-01-05T09:00:00Z');
  await append(30, 'step');
  const [fold] = folds;
  const snapshot = fold && (await snapshots.candidate(fold, STREAM, { version: 30 }));
  expect(fold && snapshot && snapshots.accepts(fold, snapshot, 'damaged')).toBe(true);
  expect(faults).not.toContain('foreign');
});

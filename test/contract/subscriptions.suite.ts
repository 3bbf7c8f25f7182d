import { ulid } from 'ulid';
import { expect, test, vi } from 'vitest';
import * as z from 'zod';
import { CorruptDataError } from '../../core/base/errors.ts';
import { catalogueOf, type NewEvent } from '../../core/events/catalogue.ts';
import { defineEvent } from '../../core/events/define.ts';
import { EventLog } from '../../core/log/log.ts';
import { LogWriter } from '../../core/log/writer.ts';
import { StateReader } from '../../core/state/state-reader.ts';
import type { ControlStore } from '../../core/store/control-store.ts';
import { EventStore } from '../../core/store/event-store.ts';
import { SubscriptionOperations } from '../../core/subscriptions/operations.ts';
import { Subscriptions } from '../../core/subscriptions/subscriptions.ts';
import { MemoryCommitStorage } from '../../testing/memory/commit-storage.ts';
import { MemoryLogStorage } from '../support/memory-log.ts';

const added = defineEvent({
  ...{ type: 'note.added', aggregateType: 'note', kind: 'domain', access: 'open', version: 1 },
  ...{ description: 'A note.', data: z.strictObject({}), sensitive: [] },
});
const catalogue = catalogueOf([added]);

/** Two processes over one store of items, and streams with three events each in the log. */
async function twoProcesses(control: ControlStore, streams: number) {
  const storage = new MemoryCommitStorage();
  const store = new EventStore(storage, { catalogue });
  const logStorage = new MemoryLogStorage();
  const writer = new LogWriter({ storage: logStorage, catalogue, commits: storage, strategy: 'single' });
  const note = { type: 'note.added', data: {} } as unknown as NewEvent;
  for (let stream = 1; stream <= streams; stream++) {
    await store.append(`note-${stream}`, [note, note, note], { expectedVersion: 0 });
    await writer.append(await Array.fromAsync(store.commits(`note-${stream}`)));
  }
  const parts = {
    ...{ store, control, newId: ulid, states: new StateReader({ store }) },
    log: new EventLog({ storage: logStorage, catalogue, strategy: 'single' }),
  };
  const processes = [new Subscriptions(parts), new Subscriptions(parts)] as const;
  return {
    processes,
    parts,
    operations: new SubscriptionOperations(processes[0], parts),
    name: `s-${ulid().toLowerCase()}`,
  };
}

const settings = {
  filter: {},
  order: 'stream',
  maxRetries: 1,
  ackWithinSeconds: 60,
  shards: 2,
  from: 'start',
} as const;

/** Subscriptions on a store of control items. */
export function subscriptionContract(control: () => ControlStore): void {
  test('an operator sees the positions at a damaged place of the log', async () => {
    const { parts, operations, name } = await twoProcesses(control(), 1);
    await operations.put(name, settings);
    vi.spyOn(parts.log, 'getEventsAfter').mockRejectedValue(new CorruptDataError('a page cannot be read'));
    expect(await operations.status(name)).toMatchObject({ inFlight: 0, lag: { events: 0, more: true } });
  });

  test('consumers of two processes get each event once, in the order of its stream', async () => {
    const { processes, operations, name } = await twoProcesses(control(), 12);
    await operations.put(name, settings);
    const seen = new Map<string, number[]>();
    const consume = async (subscriptions: Subscriptions) => {
      for (let empty = 0; empty < 3; ) {
        const taken = await subscriptions.take(name, { max: 5 });
        empty = taken.length === 0 ? empty + 1 : 0;
        for (const { event } of taken) {
          seen.set(event.aggregateId, [...(seen.get(event.aggregateId) ?? []), event.sequenceNumber]);
        }
        const answers = taken.map(({ token }) => ({ token, action: 'ack' as const }));
        if (answers.length > 0) expect((await subscriptions.settle(name, answers)).refused).toEqual([]);
      }
    };
    await Promise.all([...processes, ...processes].map(consume));
    await consume(processes[0]);
    expect(seen.size).toBe(12);
    for (const numbers of seen.values()) expect(numbers).toEqual([1, 2, 3]);
    expect(await operations.status(name)).toMatchObject({ inFlight: 0, waiting: 0, parked: 0, lag: { events: 0 } });
  });

  test('a parked stream waits for its redrive, and an earlier token is refused', async () => {
    const { processes, operations, name } = await twoProcesses(control(), 1);
    const [one, other] = processes;
    await operations.put(name, settings);
    const fail = async (subscriptions: Subscriptions) => {
      const [delivery] = await subscriptions.take(name, { max: 5 });
      const token = delivery?.token ?? '';
      expect(await subscriptions.settle(name, [{ token, action: 'retry', reason: 'no' }])).toMatchObject({
        settled: [token],
      });
      return token;
    };
    await fail(one);
    const token = await fail(other);
    expect(await one.take(name, { max: 5 })).toEqual([]);
    expect(await operations.status(name)).toMatchObject({ parked: 1, waiting: 0 });
    expect(await operations.redrive(name, ['note-1', 'note-2'])).toEqual(['note-1']);
    const [again] = await other.take(name, { max: 5 });
    expect(again).toMatchObject({ attempt: 1, event: { sequenceNumber: 1 } });
    const stale = token.replace(/\.\d+\.(?=\w+$)/, '.1000.');
    expect(await one.settle(name, [{ token: stale, action: 'ack' }])).toEqual({ settled: [], refused: [stale] });
    await one.settle(name, [{ token: again?.token ?? '', action: 'ack' }]);
    expect((await one.take(name, { max: 5 }))[0]?.event.sequenceNumber).toBe(2);
  });

  test('a filter counts for a shard that an older definition has read, from the answer on', async () => {
    const { processes, operations, name } = await twoProcesses(control(), 4);
    const { definition: before } = await operations.put(name, settings);
    await operations.put(name, { ...settings, filter: { aggregateId: '2' } });
    const used: number[] = [];
    await processes[1].shards.change(before, 0, async ({ definition }) => void used.push(definition.revision));
    expect(used).toEqual([2]);
    const taken = await processes[1].take(name, { max: 10 });
    expect(taken.map(({ event }) => event.aggregateId)).toEqual(['2']);
  });

  test('a move counts for every shard, from the answer on', async () => {
    const { processes, operations, name } = await twoProcesses(control(), 1);
    const { definition: before } = await operations.put(name, settings);
    const { definition } = await operations.seek(name, 'end');
    const used: number[] = [];
    for (const shard of [0, 1]) {
      await processes[1].shards.change(before, shard, async ({ definition }) => void used.push(definition.revision));
    }
    expect(used).toEqual([definition.revision, definition.revision]);
    expect(definition.revision).toBeGreaterThan(before.revision);
    expect(await processes[1].take(name, { max: 10 })).toEqual([]);
  });

  test('a subscription of the same name begins anew after a removal', async () => {
    const { processes, operations, name } = await twoProcesses(control(), 1);
    await operations.put(name, settings);
    const [delivery] = await processes[0].take(name, { max: 1 });
    const token = delivery?.token ?? '';
    await operations.remove(name);
    await expect(processes[1].take(name, { max: 1 })).rejects.toThrow(`there is no subscription ${name}`);
    await operations.put(name, settings);
    expect(await processes[0].settle(name, [{ token, action: 'ack' }])).toEqual({ settled: [], refused: [token] });
    expect((await processes[1].take(name, { max: 1 }))[0]?.event.sequenceNumber).toBe(1);
  });
}

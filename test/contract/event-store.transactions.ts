import { ulid } from 'ulid';
import { expect, test } from 'vitest';
import {
  EventIdTakenError,
  IdempotencyKeyReusedError,
  InvalidIdError,
  TransactionConflictError,
  UnavailableError,
  ValidationError,
} from '../../core/base/errors.ts';
import type { CommitStorage } from '../../core/store/commit-storage.ts';
import { EventStore } from '../../core/store/event-store.ts';
import type { TransactedAppend } from '../../core/store/transaction.ts';
import { catalogue } from '../support/application.ts';
import { losingReplies } from '../support/losing-replies.ts';
import { passing } from '../support/passing-storage.ts';
import { fill, newStream, step, steps } from '../support/sample-events.ts';

const streams = (count: number): string[] => Array.from({ length: count }, newStream);
const append = (
  streamId: string,
  expectedVersion: TransactedAppend['expectedVersion'] = 0,
  count = 1,
): TransactedAppend => ({ streamId, expectedVersion, events: steps(count) });

/** Appends to several streams, all or none. */
export function transactionContract(storage: () => CommitStorage): void {
  const open = () => new EventStore(storage(), { catalogue });
  const headsOf = (store: EventStore, all: readonly string[]) => Promise.all(all.map((stream) => store.head(stream)));
  const conflictsOf = async (work: Promise<unknown>) => {
    const error: unknown = await work.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TransactionConflictError);
    return (error as TransactionConflictError).conflicts;
  };

  test('all appends are written, and every event shows the transaction and its size', async () => {
    const store = open();
    const [a = '', b = '', c = ''] = streams(3);
    await fill(store, b, [2]);
    const { transactionId, results, repeated } = await store.transact({
      appends: [append(a, 0, 2), append(b, 2), append(c, 'any')],
    });
    expect(repeated).toBe(false);
    expect(results).toMatchObject([
      { streamId: a, fromVersion: 1, toVersion: 2 },
      { streamId: b, fromVersion: 3, toVersion: 3 },
      { streamId: c, fromVersion: 1, toVersion: 1 },
    ]);
    for (const { streamId, fromVersion, eventIds } of results) {
      const events = await Array.fromAsync(store.read(streamId, { from: fromVersion }));
      expect(events.map(({ id }) => id)).toEqual(eventIds);
      for (const { metadata } of events)
        expect(metadata).toMatchObject({ transaction: { id: transactionId, size: 3 } });
    }
    const [before] = await Array.fromAsync(store.read(b));
    expect(before?.metadata).not.toHaveProperty('transaction');
  });

  test('nothing is written when a stream has moved, and the error names every such stream', async () => {
    const store = open();
    const [a = '', b = '', c = '', d = ''] = streams(4);
    await fill(store, b, [3]);
    await fill(store, c, [1]);
    const written = store.transact({
      appends: [append(a), append(b, 2), append(c, 0), append(d, 'exists')],
    });
    expect(await conflictsOf(written)).toEqual([
      { streamId: b, expectedVersion: 2, actualVersion: 3 },
      { streamId: d, expectedVersion: 'exists', actualVersion: 0 },
    ]);
    const late = store.transact({ appends: [append(a), append(c, 0)] });
    expect(await conflictsOf(late)).toEqual([{ streamId: c, expectedVersion: 0, actualVersion: 1 }]);
    expect(await headsOf(store, [a, b, c, d])).toEqual([0, 3, 1, 0]);
  });

  test.each([
    ['a version that the stream has passed', 1],
    ['a version inside a commit', 2],
    ['a version that the stream never reached', 7],
    ['an empty stream', 0],
  ])('a check against %s refuses the transaction', async (_, version) => {
    const store = open();
    const [a = '', b = ''] = streams(2);
    await fill(store, b, [1, 2]);
    const written = store.transact({ appends: [append(a)], checks: [{ streamId: b, version }] });
    expect(await conflictsOf(written)).toEqual([{ streamId: b, expectedVersion: version, actualVersion: 3 }]);
    expect(await headsOf(store, [a, b])).toEqual([0, 3]);
  });

  test('a check that holds writes nothing to its stream, empty or not', async () => {
    const store = open();
    const [a = '', b = '', c = ''] = streams(3);
    await fill(store, b, [1, 2]);
    const checks = [
      { streamId: b, version: 3 },
      { streamId: c, version: 0 },
    ];
    await store.transact({ appends: [append(a)], checks });
    expect(await headsOf(store, [a, b, c])).toEqual([1, 3, 0]);
    expect(await store.append(c, steps(1), { expectedVersion: 0 })).toMatchObject({ toVersion: 1 });
    expect(await store.append(b, steps(1), { expectedVersion: 3 })).toMatchObject({ toVersion: 4 });
  });

  test('a known head is still a condition: of an append, and of a check', async () => {
    const store = open();
    const [a = '', b = ''] = streams(2);
    await fill(store, a, [2, 1]);
    await fill(store, b, [2, 1]);
    const stale = { ...append(a, 2), headKnown: true };
    expect(await conflictsOf(store.transact({ appends: [stale] }))).toMatchObject([{ streamId: a, actualVersion: 3 }]);
    const checks = [{ streamId: b, version: 2, headKnown: true }];
    const checked = store.transact({ appends: [append(a, 3)], checks });
    expect(await conflictsOf(checked)).toMatchObject([{ streamId: b, expectedVersion: 2, actualVersion: 3 }]);
    expect(await headsOf(store, [a, b])).toEqual([3, 3]);
  });

  test('an event between the read of a head and the write refuses the check', async () => {
    const [a = '', b = ''] = streams(2);
    const inner = storage();
    await fill(open(), b, [1]);
    const meanwhile = {
      ...passing(inner),
      async transact(change: Parameters<CommitStorage['transact']>[0]) {
        await open().append(b, steps(1), { expectedVersion: 1 });
        return inner.transact(change);
      },
    };
    const store = new EventStore(meanwhile, { catalogue });
    const written = store.transact({ appends: [append(a)], checks: [{ streamId: b, version: 1 }] });
    expect(await conflictsOf(written)).toEqual([{ streamId: b, expectedVersion: 1, actualVersion: 2 }]);
    expect(await store.head(a)).toBe(0);
  });

  test('a repeat under a key gets the first answer, also after further events; another request is refused', async () => {
    const store = open();
    const [a = '', b = ''] = streams(2);
    const key = { commitId: ulid(), digest: 'AAAAAAAAAAAAAAAAAAAAAA' };
    const transaction = { appends: [append(a, 0, 2), append(b, 'any')] };
    const first = await store.transact(transaction, key);
    await store.append(a, steps(1), { expectedVersion: 2 });
    expect(await store.transact(transaction, key)).toEqual({
      ...first,
      repeated: true,
      results: first.results.map((result) => ({ ...result, repeated: true })),
    });
    const other = { ...key, digest: 'BBBBBBBBBBBBBBBBBBBBBA' };
    const elsewhere = { appends: [append(newStream())] };
    await expect(store.transact(elsewhere, other)).rejects.toThrow(IdempotencyKeyReusedError);
    await expect(store.transact(transaction, other)).rejects.toThrow(IdempotencyKeyReusedError);
    expect(await headsOf(store, [a, b])).toEqual([3, 1]);
  });

  test('a transaction whose reply was lost is found by its key, and is never written twice', async () => {
    const [a = '', b = ''] = streams(2);
    const losing = new EventStore(losingReplies(storage()), { catalogue });
    const commitId = ulid();
    const transaction = { appends: [append(a, 'any'), append(b, 'any', 2)] };
    await expect(losing.transact(transaction, { commitId })).rejects.toThrow(UnavailableError);
    const store = open();
    expect(await store.transact(transaction, { commitId })).toMatchObject({
      repeated: true,
      results: [{ toVersion: 1 }, { toVersion: 2 }],
    });
    expect(await headsOf(store, [a, b])).toEqual([1, 2]);
  });

  test('writers of one key at once make one transaction', async () => {
    const all = streams(3);
    const commitId = ulid();
    const transaction = { appends: all.map((stream) => append(stream, 'any')) };
    const answers = await Promise.all(Array.from({ length: 5 }, () => open().transact(transaction, { commitId })));
    expect(answers.filter(({ repeated }) => !repeated)).toHaveLength(1);
    expect(await headsOf(open(), all)).toEqual([1, 1, 1]);
  });

  test('transactions and appends to the same streams at once all win, and no transaction is torn', async () => {
    const all = streams(3);
    const writers = Array.from({ length: 6 }, (_, writer) => {
      const store = open();
      const [first = '', second = ''] = [all[writer % 3], all[(writer + 1) % 3]];
      return [
        store.transact({ appends: [append(first, 'any', 2), append(second, 'any')] }),
        store.append(second, [step('alone')], { expectedVersion: 'any' }),
      ];
    });
    await Promise.all(writers.flat());
    const store = open();
    const events = (await Promise.all(all.map((stream) => Array.fromAsync(store.read(stream))))).flat();
    const sizes = Map.groupBy(
      events.filter(({ metadata }) => metadata['transaction'] !== undefined),
      ({ metadata }) => JSON.stringify(metadata['transaction']),
    );
    expect(events).toHaveLength(6 * 4);
    expect(sizes.size).toBe(6);
    for (const [transaction, parts] of sizes) {
      expect(JSON.parse(transaction)).toMatchObject({ size: 2 });
      expect(parts).toHaveLength(3);
    }
  });

  test('one of several transactions on the same versions wins', async () => {
    const all = streams(4);
    const settled = await Promise.allSettled(
      Array.from({ length: 6 }, () => open().transact({ appends: all.map((stream) => append(stream)) })),
    );
    expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const result of settled) {
      if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(TransactionConflictError);
    }
    expect(await headsOf(open(), all)).toEqual([1, 1, 1, 1]);
  });

  test('100 items are written, and 101 are refused with their count', async () => {
    const store = open();
    const all = streams(101);
    const appends = all.map((stream) => append(stream));
    const refused = store.transact({ appends });
    await expect(refused).rejects.toThrow(/takes 101 items, 100 at most: 101 appends/);
    await expect(store.transact({ appends: appends.slice(1) }, { commitId: ulid() })).rejects.toThrow(
      /101 items, 100 at most: 100 appends, 1 idempotency key/,
    );
    const given = { ...append(all[0] ?? ''), events: [{ ...step('x'), id: ulid() }] };
    const checks = all.slice(51).map((streamId) => ({ streamId, version: 0 }));
    const mixed = store.transact({ appends: [given, ...appends.slice(1, 50)], checks });
    await expect(mixed).rejects.toThrow(
      /takes 101 items, 100 at most: 50 appends, 1 event ids of the caller, 50 checks/,
    );
    expect(await headsOf(store, all.slice(0, 3))).toEqual([0, 0, 0]);
    const written = await store.transact({ appends: appends.slice(1) });
    expect(written.results).toHaveLength(100);
    expect(new Set(await headsOf(store, all.slice(1)))).toEqual(new Set([1]));
  });

  test('an id of an event that its stream has refuses the transaction, and stays usable elsewhere', async () => {
    const store = open();
    const [a = '', b = ''] = streams(2);
    const named = { ...step('x'), id: ulid() };
    await store.append(b, [named], { expectedVersion: 0 });
    const written = store.transact({ appends: [append(a), { streamId: b, expectedVersion: 1, events: [named] }] });
    await expect(written).rejects.toThrow(EventIdTakenError);
    await expect(written).rejects.toThrow(b);
    expect(await headsOf(store, [a, b])).toEqual([0, 1]);
    await store.transact({ appends: [{ streamId: a, expectedVersion: 0, events: [named] }] });
    expect(await store.head(a)).toBe(1);
  });

  test('a malformed transaction is refused, and the error names the append', async () => {
    const store = open();
    const [a = '', b = ''] = streams(2);
    const misplaced = { type: 'task.failed', data: { taskId: 't', agentId: 'a', error: 'e' } } as const;
    const appends = [append(a), { streamId: b, expectedVersion: 0, events: [misplaced] }];
    await expect(store.transact({ appends })).rejects.toMatchObject({ issues: [{ path: 'appends.1.events.0.type' }] });
    await expect(store.transact({ appends: [] })).rejects.toThrow(ValidationError);
    await expect(store.transact({ appends: [append(a), append(a)] })).rejects.toThrow(/names a stream twice/);
    const checks = [{ streamId: a, version: 0 }];
    await expect(store.transact({ appends: [append(a)], checks })).rejects.toThrow(/names a stream twice/);
    const negative = [{ streamId: b, version: -1 }];
    await expect(store.transact({ appends: [append(a)], checks: negative })).rejects.toThrow(ValidationError);
    await expect(store.transact({ appends: [append('agent')] })).rejects.toThrow(InvalidIdError);
    expect(await headsOf(store, [a, b])).toEqual([0, 0]);
  });
}

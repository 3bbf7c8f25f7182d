import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ulid } from 'ulid';
import * as z from 'zod';
import { DynamoCommitStorage } from '../adapters/aws/dynamodb/commit-storage.ts';
import { SqliteCommitStorage } from '../adapters/embedded/sqlite/commit-storage.ts';
import { openDataFolder } from '../adapters/embedded/sqlite/database.ts';
import { catalogueOf, type NewEvent } from '../core/events/catalogue.ts';
import { defineEvent } from '../core/events/define.ts';
import { EventStore } from '../core/store/event-store.ts';
import type { Transaction } from '../core/store/transaction.ts';
import { createTables } from '../test/support/tables.ts';
import { withEmulator } from './harness/emulator.ts';
import { latencyOf } from './harness/latency.ts';
import { meteredClient } from './harness/metered-client.ts';

// Transactions against separate appends: units on the DynamoDB emulator, and milliseconds on SQLite.

const common = { kind: 'domain', access: 'open', version: 1, description: 'x', sensitive: [] } as const;
const data = z.strictObject({ text: z.string() });
const catalogue = catalogueOf([
  defineEvent({ ...common, type: 'plain.noted', aggregateType: 'plain', data }),
  defineEvent({
    ...common,
    type: 'tagged.noted',
    aggregateType: 'tagged',
    data,
    tags: ({ text }) => [text.slice(0, 26)],
  }),
]);

let streams = 0;
const newStream = (home = 'plain') => `${home}-${++streams}`;
const noted = (type: string, text: string) => ({ type, data: { text: text.padEnd(230, 'x') } }) as unknown as NewEvent;
const tagged = (tag: string) => noted('tagged.noted', tag);
const appends = (count: number) =>
  Array.from({ length: count }, () => ({
    streamId: newStream(),
    expectedVersion: 0,
    events: [noted('plain.noted', '')],
  }));
const TEN = ulid();
const tagTen = async (store: EventStore) => {
  const stream = newStream('tagged');
  for (let version = 0; version < 10; version++)
    await store.append(stream, [tagged(TEN)], { expectedVersion: version });
};
const checks = (count: number) => Array.from({ length: count }, () => ({ streamId: newStream(), version: 0 }));
const many = (count: number) => (store: EventStore) =>
  Promise.all(appends(count).map(({ streamId, events }) => store.append(streamId, events, { expectedVersion: 0 })));
const one =
  (transaction: () => Transaction, keyed = false) =>
  (store: EventStore) =>
    store.transact(transaction(), keyed ? { commitId: `key-${streams}` } : {});

const cases: Readonly<Record<string, (store: EventStore) => Promise<unknown>>> = {
  'append of 1': many(1),
  '2 separate appends': many(2),
  'transaction of 2': one(() => ({ appends: appends(2) })),
  'transaction of 2, keyed': one(() => ({ appends: appends(2) }), true),
  'transaction of 1, 1 check': one(() => ({ appends: appends(1), checks: checks(1) })),
  'transaction of 1, 10 checks': one(() => ({ appends: appends(1), checks: checks(10) })),
  '10 separate appends': many(10),
  'transaction of 10': one(() => ({ appends: appends(10) })),
  '100 separate appends': many(100),
  'transaction of 100': one(() => ({ appends: appends(100) })),
  'append of 1 with a tag': (store) => store.append(newStream('tagged'), [tagged(ulid())], { expectedVersion: 0 }),
  'append of 1 under a condition on its tag': (store) => {
    const tag = ulid();
    const append = { streamId: newStream('tagged'), expectedVersion: 0, events: [tagged(tag)] };
    return store.transact({ appends: [append], conditions: [{ tag, after: 0 }] });
  },
  'read of a tag of 10 commits': (store) => Array.fromAsync(store.tagged(TEN)),
};

const folder = mkdtempSync(join(tmpdir(), 'annals-bench-'));
const { events, close } = openDataFolder(join(folder, 'data'));
const sqlite = new EventStore(new SqliteCommitStorage(events), { catalogue });
const rows: Record<string, object> = {};
await withEmulator(async () => {
  const { client, measure } = meteredClient();
  const dynamo = new EventStore(new DynamoCommitStorage(client, (await createTables()).events), { catalogue });
  await Promise.all([tagTen(dynamo), tagTen(sqlite)]);
  for (const [name, work] of Object.entries(cases)) {
    await work(dynamo); // the first request of a client opens its connection
    const { requests, writeUnits, readUnits } = await measure(() => work(dynamo));
    const emulator = await latencyOf(20, () => work(dynamo));
    const disk = await latencyOf(20, () => work(sqlite));
    rows[name] = { requests, writeUnits, readUnits, 'emulator p50 ms': emulator.p50, 'SQLite p50 ms': disk.p50 };
  }
});
close();
rmSync(folder, { recursive: true });
console.log('events of 300 bytes');
console.table(rows);

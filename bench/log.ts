import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { DynamoCommitStorage } from '../adapters/aws/dynamodb/commit-storage.ts';
import { DynamoLogStorage } from '../adapters/aws/dynamodb/log-storage.ts';
import { createEngine } from '../adapters/embedded/engine/engine.ts';
import { EventLog } from '../core/log/log.ts';
import type { LogStorage } from '../core/log/storage.ts';
import { LogWriter } from '../core/log/writer.ts';
import type { Commit } from '../core/store/commit.ts';
import { EventStore } from '../core/store/event-store.ts';
import { catalogue } from '../test/support/application.ts';
import { endOf } from '../test/support/log-end.ts';
import { createTables } from '../test/support/tables.ts';
import { MemoryCommitStorage } from '../testing/memory/commit-storage.ts';
import { withEmulator } from './harness/emulator.ts';
import { sampleEvents } from './harness/events.ts';
import { latencyOf } from './harness/latency.ts';
import { type Bill, meteredClient } from './harness/metered-client.ts';

// The costs that the log adds to an append, the costs of reading the log and of reading streams, and the lag of the log.
// LOG_EVENTS (100,000) is the number of events that are read.

const EVENTS = Number(process.env['LOG_EVENTS'] ?? 100_000);
const EVENTS_PER_COMMIT = 10;
const EVENTS_PER_STREAM = 100;

/** Makes commits in memory, with the streams in turn. */
async function history(
  events: number,
  perCommit: number,
  perStream = EVENTS_PER_STREAM,
): Promise<{ commits: Commit[]; storage: MemoryCommitStorage }> {
  const storage = new MemoryCommitStorage();
  const store = new EventStore(storage, { catalogue });
  const streams = Math.ceil(events / perStream);
  const commits: Commit[] = [];
  for (let n = 0; n < events / perCommit; n++) {
    const stream = `agent-${n % streams}`;
    const version = Math.floor(n / streams) * perCommit;
    await store.append(stream, sampleEvents(perCommit), { expectedVersion: version, headKnown: true });
    commits.push(...(await Array.fromAsync(store.commits(stream, { from: version + 1 }))));
  }
  return { commits, storage };
}

const rounded = (value: number, digits = 3) => Number(value.toFixed(digits));

/** @param perStream events of a stream; 1 is the worst case, because each stream has a separate mark */
async function costOfAppending(perStream: number): Promise<void> {
  const rows: Record<string, object> = {};
  for (const batch of [1, 10, 100]) {
    const { client, measure } = meteredClient();
    const { commits, storage: memory } = await history(1 + 9_600, 1, perStream);
    const storage = new DynamoLogStorage(client, (await createTables()).log);
    const writer = new LogWriter({ catalogue, storage, commits: memory, strategy: 'single' });
    await writer.append(commits.splice(0, 1)); // a warm writer
    let bytes = 0;
    const bill = await measure(async () => {
      for (let start = 0; start < 9_600; start += batch) await writer.append(commits.slice(start, start + batch));
    });
    for await (const { body } of storage.read('all', { after: 1 })) bytes += body.length;
    rows[`batches of ${batch}`] = {
      'requests per event': rounded(bill.requests / 9_600),
      'write units per event': rounded(bill.writeUnits / 9_600),
      'read units per event': rounded(bill.readUnits / 9_600),
      'bytes of body per event': Math.round(bytes / 9_600),
    };
  }
  console.log(
    `what the log adds, DynamoDB, commits of one event of 300 bytes, half of it noise, ${perStream} to a stream`,
  );
  console.table(rows);
}

/** The first append to a log of an earlier version, which adds the missing marks. */
async function costOfMarking(): Promise<void> {
  const { client, measure } = meteredClient();
  const { commits, storage: memory } = await history(20_000, 1);
  const storage = new DynamoLogStorage(client, (await createTables()).log);
  const unmarked: LogStorage = {
    put: (page) => storage.put(page),
    last: (partition) => storage.last(partition),
    read: (partition, range) => storage.read(partition, range),
    expire: (...pages) => storage.expire(...pages),
    marks: async () => new Map(),
    raiseMarks: async () => {},
  };
  const before = new LogWriter({ catalogue, storage: unmarked, commits: memory, strategy: 'single' });
  for (let start = 0; start < commits.length; start += 10) await before.append(commits.slice(start, start + 10));
  const writer = new LogWriter({ catalogue, storage, commits: memory, strategy: 'single' });
  const began = performance.now();
  const bill = await measure(() => writer.append(commits.slice(0, 1)));
  console.log('the first append to 2,000 pages without marks, 200 streams');
  console.table([{ seconds: rounded((performance.now() - began) / 1_000, 2), ...bill }]);
}

async function costOfReading(): Promise<void> {
  const { commits, storage: memory } = await history(EVENTS, EVENTS_PER_COMMIT);
  const { client, measure } = meteredClient();
  const tables = await createTables();
  const stored = new DynamoCommitStorage(client, tables.events);
  await pLimit(32).map(commits, (commit) => stored.put(commit));
  const storage = new DynamoLogStorage(client, tables.log);
  const writer = new LogWriter({ catalogue, storage, commits: memory, strategy: 'single' });
  const batch = 100 / EVENTS_PER_COMMIT;
  for (let start = 0; start < commits.length; start += batch) await writer.append(commits.slice(start, start + batch));
  const log = new EventLog({ catalogue, storage, strategy: 'single' });
  const store = new EventStore(stored, { catalogue });
  const streams = [...new Set(commits.map(({ stream }) => stream))];
  const timed = async (work: () => Promise<number>): Promise<Bill & { seconds: number; events: number }> => {
    const began = performance.now();
    let events = 0;
    const bill = await measure(async () => {
      events = await work();
    });
    return { events, seconds: rounded((performance.now() - began) / 1_000, 2), ...bill };
  };
  const rows = {
    'the log': await timed(async () => {
      let events = 0;
      for await (const _ of log.events(undefined)) events++;
      return events;
    }),
    'stream by stream, one after another': await timed(async () => {
      let events = 0;
      for (const stream of streams) for await (const _ of store.read(stream)) events++;
      return events;
    }),
    'stream by stream, 32 at a time': await timed(async () => {
      const counts = await pLimit(32).map(
        streams,
        async (stream) => (await Array.fromAsync(store.read(stream))).length,
      );
      return counts.reduce((sum, count) => sum + count, 0);
    }),
    'one minute found by time': await timed(async () => {
      const at = commits[commits.length >> 1]?.recordedAt ?? '';
      return (await log.getEventsAfter(undefined, { from: at, limit: 100 })).events.length;
    }),
  };
  console.log(`reading ${EVENTS} events of 300 bytes in commits of ${EVENTS_PER_COMMIT}, DynamoDB emulator`);
  console.table(rows);
}

async function embedded(): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'annals-bench-'));
  const logger = { warn: console.warn, error: console.error };
  const engine = createEngine({ catalogue, dataDir, projections: [], logger });
  try {
    engine.start();
    const [event] = sampleEvents(1);
    if (!event) return;
    const append = (index: number) => engine.store.append(`agent-${index}`, [event], { expectedVersion: 0 });
    const caughtUp = async (): Promise<string> => {
      for (let position = await endOf(engine.log); ; ) {
        const { events, next } = await engine.log.getEventsAfter(position, { waitMs: 200, limit: 1_000 });
        position = next;
        if (events.length === 0) return position;
      }
    };
    const appends = await latencyOf(500, append);
    let after = await caughtUp();
    const acknowledged: number[] = [];
    const visible: number[] = [];
    for (let index = 1_000; index < 1_500; index++) {
      await append(index);
      acknowledged.push(performance.now());
      const { next } = await engine.log.getEventsAfter(after, { waitMs: 5_000 });
      visible.push(performance.now());
      after = next;
    }
    const waits = visible.map((time, index) => time - (acknowledged[index] ?? 0)).toSorted((a, b) => a - b);
    const at = (share: number) => rounded(waits[Math.ceil(share * waits.length) - 1] ?? 0, 1);
    console.log('embedded, milliseconds, one after another');
    console.table({
      'append until acknowledged': appends,
      'acknowledged until in the log': { tries: waits.length, p50: at(0.5), p99: at(0.99), max: at(1) },
    });
    const limit = pLimit(64);
    const many = Array.from({ length: EVENTS / EVENTS_PER_COMMIT }, (_, index) => index);
    await limit.map(many, (index) =>
      engine.store.append(`agent-many-${index}`, sampleEvents(EVENTS_PER_COMMIT), { expectedVersion: 0 }),
    );
    await caughtUp();
    const began = performance.now();
    let events = 0;
    for await (const _ of engine.log.events(undefined)) events++;
    const seconds = (performance.now() - began) / 1_000;
    console.log('embedded, reading the whole log');
    console.table({
      'the log': { events, seconds: rounded(seconds, 2), 'events per second': Math.round(events / seconds) },
    });
  } finally {
    await engine.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

await withEmulator(async () => {
  for (const perStream of [1, 10, 100, 1_000]) await costOfAppending(perStream);
  await costOfMarking();
  await costOfReading();
});
await embedded();

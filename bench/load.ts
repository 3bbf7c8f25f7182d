import {
  BatchWriteItemCommand,
  CreateTableCommand,
  type DynamoDBClient,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { toCommitItem } from '../adapters/aws/dynamodb/commit-item.ts';
import { DynamoCommitStorage } from '../adapters/aws/dynamodb/commit-storage.ts';
import { DEFAULT_TENANT, eventsTable } from '../adapters/aws/dynamodb/tables.ts';
import { S3ObjectStore } from '../adapters/aws/s3/object-store.ts';
import { viewFold } from '../core/projections/view-fold.ts';
import { stateFold } from '../core/state/fold.ts';
import { SnapshotStore } from '../core/state/snapshot-store.ts';
import { SnapshotWriter } from '../core/state/snapshot-writer.ts';
import { StateReader } from '../core/state/state-reader.ts';
import type { Commit } from '../core/store/commit.ts';
import { EventStore } from '../core/store/event-store.ts';
import { agentDecider } from '../domain/agent/agent.ts';
import { agentStatus } from '../domain/agent/agent-status.ts';
import { catalogue } from '../test/support/application.ts';
import { startS3StandIn } from '../test/support/s3-stand-in.ts';
import { MemoryCommitStorage } from '../testing/memory/commit-storage.ts';
import { withEmulator } from './harness/emulator.ts';
import { sampleEvents } from './harness/events.ts';
import { meteredClient } from './harness/metered-client.ts';

// The costs of loading an aggregate, by the length of its stream: commits of a single event of 300 bytes, which is the most
// expensive form. S3 is a stand-in on loopback: its requests are counted, but its time is not that of AWS.

const LENGTHS = [10, 100, 1_000, 10_000, 10_099, 100_000];
const TABLE = 'load';
const RUNS = 9;

/** A commit of a single event, as the event store makes it; a stream repeats it. */
async function template(): Promise<Commit> {
  const memory = new MemoryCommitStorage();
  await new EventStore(memory, { catalogue }).append('agent-1', sampleEvents(1), { expectedVersion: 0 });
  const [commit] = await Array.fromAsync(memory.read('agent-1', { from: 1, to: 1, direction: 'forward' }));
  if (!commit) throw new Error('nothing was appended');
  return commit;
}

/** The table without its stream, which slows the emulator down and has no consumer here. */
async function createTable(client: DynamoDBClient): Promise<void> {
  const { StreamSpecification: _, ...table } = eventsTable;
  await client.send(new CreateTableCommand({ ...table, TableName: TABLE }));
  await waitUntilTableExists({ client, maxWaitTime: 60, minDelay: 1 }, { TableName: TABLE });
}

async function fill(client: DynamoDBClient, stream: string, length: number, commit: Commit): Promise<void> {
  for (let first = 1; first <= length; first += 25) {
    const versions = Array.from({ length: Math.min(25, length - first + 1) }, (_, index) => first + index);
    const puts = versions.map((version) => ({
      PutRequest: { Item: toCommitItem({ ...commit, stream, version }, DEFAULT_TENANT) },
    }));
    const { UnprocessedItems } = await client.send(new BatchWriteItemCommand({ RequestItems: { [TABLE]: puts } }));
    if (UnprocessedItems?.[TABLE]) throw new Error('the emulator did not take all items');
  }
}

const median = (numbers: number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? 0;

await withEmulator(async () => {
  const { client, measure } = meteredClient();
  const s3 = await startS3StandIn();
  const objects = new S3ObjectStore(new S3Client({ endpoint: s3.endpoint, forcePathStyle: true }), 'objects');
  const store = new EventStore(new DynamoCommitStorage(client, TABLE), { catalogue });
  const snapshots = new SnapshotStore(objects, { catalogue });
  const fold = stateFold(agentDecider);
  const commit = await template();
  await createTable(client);

  const rows: object[] = [];
  const row = async (length: number, load: string, work: () => Promise<{ version: number }>, runs = RUNS) => {
    const times: number[] = [];
    let counted = { requests: 0, readUnits: 0 };
    let s3Requests = 0;
    for (let run = 0; run < runs; run += 1) {
      s3.requests.length = 0;
      const start = performance.now();
      counted = await measure(async () => {
        const { version } = await work();
        if (version !== length) throw new Error(`loaded version ${version}, expected ${length}`);
      });
      times.push(performance.now() - start);
      s3Requests = s3.requests.length;
    }
    const { requests, readUnits } = counted;
    rows.push({
      events: length,
      load,
      requests,
      'S3 requests': s3Requests,
      'read units': readUnits,
      ms: Number(median(times).toFixed(1)),
    });
  };

  for (const length of LENGTHS) {
    const stream = `agent-${length}`;
    await fill(client, stream, length, commit);
    const whole = new StateReader({ store });
    await row(length, 'whole stream', () => whole.load(fold, stream), length > 10_000 ? 3 : RUNS);
    const writer = new SnapshotWriter({
      store,
      snapshots,
      folds: [fold, viewFold(agentStatus)],
      onError: (_, error) => {
        throw error;
      },
    });
    await writer.write([{ ...commit, stream, version: length - (length % 100) }]);
    await row(length, 'cold, snapshot', () => new StateReader({ store, snapshots }).load(fold, stream));
    const warm = new StateReader({ store, snapshots, cacheBytes: 1_000_000 });
    await warm.load(fold, stream);
    await row(length, 'warm', () => warm.load(fold, stream));
  }
  console.table(rows);
  client.destroy();
  s3.close();
});

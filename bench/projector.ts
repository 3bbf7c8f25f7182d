import { rmSync } from 'node:fs';
import { DynamoCommitStorage } from '../adapters/aws/dynamodb/commit-storage.ts';
import { DynamoSharedViews } from '../adapters/aws/dynamodb/shared-views.ts';
import { DynamoViewStore } from '../adapters/aws/dynamodb/view-store.ts';
import { SqliteCommitStorage } from '../adapters/embedded/sqlite/commit-storage.ts';
import { openDataFolder } from '../adapters/embedded/sqlite/database.ts';
import { SqliteSharedViews } from '../adapters/embedded/sqlite/shared-views.ts';
import { SqliteViewStore } from '../adapters/embedded/sqlite/view-store.ts';
import type { AnyProjection } from '../core/projections/projection.ts';
import { Projector, type ProjectorOptions } from '../core/projections/projector.ts';
import type { Commit } from '../core/store/commit.ts';
import type { CommitStorage } from '../core/store/commit-storage.ts';
import { EventStore } from '../core/store/event-store.ts';
import { agentStatus } from '../domain/agent/agent-status.ts';
import { fleetOverview } from '../domain/fleet/fleet-overview.ts';
import { catalogue } from '../test/support/application.ts';
import { createTables } from '../test/support/tables.ts';
import { withEmulator } from './harness/emulator.ts';
import { sampleEvents } from './harness/events.ts';
import { meteredClient } from './harness/metered-client.ts';

// The costs of updating views, of both kinds: a view of a single stream, and a shared view of many streams.

const BATCH = 100;
const kinds: Readonly<Record<string, readonly AnyProjection[]>> = {
  'one stream (agent-status)': [agentStatus],
  'many streams (fleet-overview)': [fleetOverview],
  both: [agentStatus, fleetOverview],
};

/** Batches of 100 commits, as deliveries bring them, spread over a number of streams. */
async function history(
  storage: CommitStorage,
  commits: number,
  streams: number,
  perCommit: number,
): Promise<Commit[][]> {
  const store = new EventStore(storage, { catalogue });
  const events = sampleEvents(perCommit);
  const all: Commit[] = [];
  for (let n = 0; n < commits; n++) {
    const stream = `agent-${n % streams}`;
    const version = Math.floor(n / streams) * perCommit;
    await store.append(stream, events, { expectedVersion: version, headKnown: true });
  }
  for (let n = 0; n < streams; n++) for await (const commit of store.commits(`agent-${n}`)) all.push(commit);
  all.sort((a, b) => a.version - b.version);
  return Array.from({ length: commits / BATCH }, (_, batch) => all.slice(batch * BATCH, (batch + 1) * BATCH));
}

async function applyAll(projector: Projector, batches: readonly Commit[][]): Promise<void> {
  for (const batch of batches) {
    const [failure] = await projector.apply(batch);
    if (failure) throw failure.error;
  }
}

async function embedded(): Promise<void> {
  const rows: Record<string, object> = {};
  for (const [kind, projections] of Object.entries(kinds)) {
    const path = `.bench-${process.pid}`;
    const folder = openDataFolder(path);
    try {
      const storage = new SqliteCommitStorage(folder.events);
      const batches = await history(storage, 5_000, 500, 2);
      const views = new SqliteViewStore(folder.views);
      const sharedViews = new SqliteSharedViews(folder.views, views);
      const projector = new Projector({
        projections,
        store: new EventStore(storage, { catalogue }),
        views,
        sharedViews,
      });
      const began = performance.now();
      await applyAll(projector, batches);
      const seconds = (performance.now() - began) / 1_000;
      rows[kind] = {
        events: 10_000,
        seconds: Number(seconds.toFixed(2)),
        eventsPerSecond: Math.round(10_000 / seconds),
      };
    } finally {
      folder.close();
      rmSync(path, { recursive: true });
    }
  }
  console.log('SQLite, batches of 100 commits of 2 events, 500 streams');
  console.table(rows);
}

async function onDynamoDb(): Promise<void> {
  const rows: Record<string, object> = {};
  for (const [kind, projections] of Object.entries(kinds)) {
    for (const streams of [100, 10, 1]) {
      const { client, measure } = meteredClient();
      const tables = await createTables();
      const storage = new DynamoCommitStorage(client, tables.events);
      const batches = await history(storage, 300, streams, 2);
      const views = new DynamoViewStore(client, tables.views);
      const sharedViews = new DynamoSharedViews(client, tables.views);
      const options: ProjectorOptions = {
        projections,
        store: new EventStore(storage, { catalogue }),
        views,
        sharedViews,
      };
      const projector = new Projector(options);
      const began = performance.now();
      const { requests, writeUnits, readUnits } = await measure(() => applyAll(projector, batches));
      const milliseconds = (performance.now() - began) / batches.length;
      const perEvent = (units: number) => Number((units / 600).toFixed(2));
      rows[`${kind}, ${streams} streams a batch`] = {
        'ms an invocation': Math.round(milliseconds),
        'events a second': Math.round((2 * BATCH * 1_000) / milliseconds),
        'requests an event': perEvent(requests),
        'write units an event': perEvent(writeUnits),
        'read units an event': perEvent(readUnits),
      };
    }
  }
  console.log('DynamoDB emulator, invocations of 100 commits of 2 events, 10 streams side by side');
  console.table(rows);
}

await embedded();
await withEmulator(onDynamoDb);

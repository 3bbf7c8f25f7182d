import { DynamoCommitStorage } from '../adapters/aws/dynamodb/commit-storage.ts';
import { DynamoLogStorage } from '../adapters/aws/dynamodb/log-storage.ts';
import { DynamoSharedViews } from '../adapters/aws/dynamodb/shared-views.ts';
import { DynamoViewStore } from '../adapters/aws/dynamodb/view-store.ts';
import { LogArchive } from '../core/log/archive.ts';
import { LogWriter } from '../core/log/writer.ts';
import { LIVE_GENERATION, Projector } from '../core/projections/projector.ts';
import { ClaimCheck } from '../core/store/claim-check.ts';
import { EventStore } from '../core/store/event-store.ts';
import { Verification } from '../core/verification/verification.ts';
import agents from '../domain/application.ts';
import { prices } from '../lib/operations/prices.ts';
import { catalogue } from '../test/support/application.ts';
import { MemoryObjectStore } from '../test/support/memory-objects.ts';
import { createTables } from '../test/support/tables.ts';
import { withEmulator } from './harness/emulator.ts';
import { sampleEvents } from './harness/events.ts';
import { meteredClient } from './harness/metered-client.ts';

const { projections } = agents;

// The read units of a verification on AWS, counted on the emulator and scaled to 100,000 commits of a single event.

const STREAMS = 100;
const SCALE = 100_000;
/** Commits of a batch of the projector and the relay. */
const BATCH = 50;

await withEmulator(async () => {
  const { client, measure } = meteredClient();
  for (const perStream of [1, 10, 50]) {
    const tables = await createTables();
    const commits = new DynamoCommitStorage(client, tables.events);
    const store = new EventStore(commits, { catalogue });
    const views = new DynamoViewStore(client, tables.views);
    const sharedViews = new DynamoSharedViews(client, tables.views);
    const storage = new DynamoLogStorage(client, tables.log);
    const log = new LogWriter({ catalogue, storage, commits, strategy: 'single' });
    const projector = new Projector({ projections, store, views, sharedViews });
    for (let version = 0; version < perStream; version += 1) {
      const written = [];
      for (let index = 0; index < STREAMS; index += 1) {
        const stream = `agent-${index}`;
        await store.append(stream, sampleEvents(1), { expectedVersion: version });
        written.push(...(await Array.fromAsync(store.commits(stream, { from: version + 1 }))));
      }
      for (let from = 0; from < written.length; from += BATCH) {
        const batch = written.slice(from, from + BATCH);
        await log.append(batch);
        const [failure] = await projector.apply(batch);
        if (failure) throw failure.error;
      }
    }
    const objects = new MemoryObjectStore();
    const verification = new Verification({
      catalogue,
      ...{ projections, store, commits, storage, views, sharedViews },
      claims: new ClaimCheck(objects),
      archive: new LogArchive(objects),
      live: () => LIVE_GENERATION,
      now: () => new Date(Date.now() + 3_600_000),
    });
    let verdict = '';
    const { readUnits, requests } = await measure(async () => {
      const run = verification.run();
      for (;;) {
        const next = await run.next();
        if (!next.done) continue;
        verdict = next.value.verdict;
        return;
      }
    });
    const units = (readUnits * SCALE) / (STREAMS * perStream);
    const dollars = units * prices.dynamoDb.readUnit;
    console.log(
      `${perStream} commits a stream: ${units.toFixed(0)} read units per ${SCALE} commits, ${dollars.toFixed(4)} USD ` +
        `(${readUnits} units, ${requests} requests for ${STREAMS * perStream}; ${verdict})`,
    );
  }
  client.destroy();
});

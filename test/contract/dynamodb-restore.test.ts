import { type AttributeValue, PutItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { beforeAll, expect, it } from 'vitest';
import { dynamoDb } from '../../adapters/aws/clients/clients.ts';
import { DynamoCommitStorage } from '../../adapters/aws/dynamodb/commit-storage.ts';
import { DynamoLogStorage } from '../../adapters/aws/dynamodb/log-storage.ts';
import { DynamoSharedViews } from '../../adapters/aws/dynamodb/shared-views.ts';
import { DynamoViewStore } from '../../adapters/aws/dynamodb/view-store.ts';
import { LostHistoryError } from '../../core/base/errors.ts';
import { LogArchive } from '../../core/log/archive.ts';
import { EventLog } from '../../core/log/log.ts';
import { LogWriter } from '../../core/log/writer.ts';
import { LIVE_GENERATION, Projector } from '../../core/projections/projector.ts';
import { viewFold } from '../../core/projections/view-fold.ts';
import { SnapshotStore } from '../../core/state/snapshot-store.ts';
import { SnapshotWriter } from '../../core/state/snapshot-writer.ts';
import { StateReader } from '../../core/state/state-reader.ts';
import { ClaimCheck } from '../../core/store/claim-check.ts';
import { EventStore } from '../../core/store/event-store.ts';
import { Verification } from '../../core/verification/verification.ts';
import { agentStatus } from '../../domain/agent/agent-status.ts';
import { catalogue } from '../support/application.ts';
import { MemoryObjectStore } from '../support/memory-objects.ts';
import { step } from '../support/sample-events.ts';
import { createTables } from '../support/tables.ts';

type Tables = Awaited<ReturnType<typeof createTables>>;
const STREAM = 'agent-42';
const fold = viewFold(agentStatus);
const objects = new MemoryObjectStore(); // the bucket is not restored

/** A stage over some tables, with the work of its functions. */
function stageOn(tables: Tables) {
  const commits = new DynamoCommitStorage(dynamoDb(), tables.events);
  const store = new EventStore(commits, { catalogue });
  const snapshots = new SnapshotStore(objects, { catalogue, interval: 10 });
  const views = new DynamoViewStore(dynamoDb(), tables.views);
  const sharedViews = new DynamoSharedViews(dynamoDb(), tables.views);
  const storage = new DynamoLogStorage(dynamoDb(), tables.log);
  const projector = new Projector({ projections: [agentStatus], store, views });
  const writer = new LogWriter({ catalogue, storage, commits, strategy: 'single' });
  const onError = (_: string, error: unknown) => {
    throw error;
  };
  const snapshotWriter = new SnapshotWriter({ store, snapshots, folds: [fold], onError });
  const log = new EventLog({ catalogue, storage, history: commits, strategy: 'single' });
  const append = async (text: string) => {
    const version = (await store.head(STREAM)) + 1;
    await store.append(STREAM, [step(`${text} ${version}`)], { expectedVersion: version - 1 });
    const batch = await Array.fromAsync(store.commits(STREAM, { from: version }));
    await projector.apply(batch);
    await snapshotWriter.write(batch);
    await writer.append(batch);
  };
  const verify = async () => {
    const places = { commits, store, storage, views, sharedViews, archive: new LogArchive(objects) };
    const claims = new ClaimCheck(objects);
    const live = () => LIVE_GENERATION;
    const run = new Verification({ catalogue, ...places, claims, live, projections: [agentStatus], graceMs: 0 }).run();
    for (let taken = await run.next(); ; taken = await run.next()) if (taken.done) return taken.value;
  };
  return { tables, store, snapshots, log, append, verify };
}

type Items = readonly Record<string, AttributeValue>[];

/** The items of a table: the content of a later restore to this moment. */
async function imageOf(table: string): Promise<Items> {
  return (await dynamoDb().send(new ScanCommand({ TableName: table, ConsistentRead: true }))).Items ?? [];
}

/** Restores tables to a moment, under new names; the others are empty. */
async function restored(images: Partial<Record<keyof Tables, Items>>): Promise<Tables> {
  const tables = await createTables();
  for (const [name, items] of Object.entries(images)) {
    const TableName = tables[name as keyof Tables];
    await Promise.all(items.map((Item) => dynamoDb().send(new PutItemCommand({ TableName, Item }))));
  }
  return tables;
}

let lost: ReturnType<typeof stageOn>;
let images: Record<'events' | 'log' | 'views', Items>;

beforeAll(async () => {
  lost = stageOn(await createTables());
  for (let index = 0; index < 16; index++) await lost.append('kept');
  const { events, log, views } = lost.tables;
  images = { events: await imageOf(events), log: await imageOf(log), views: await imageOf(views) };
  for (let index = 0; index < 17; index++) await lost.append('lost');
}, 30_000);

it('a restored table of events with newer snapshots in the bucket returns no state of the lost history', async () => {
  const { store, snapshots, append } = stageOn(await restored({ events: images.events }));
  const [fast, slow] = [new StateReader({ store, snapshots }), new StateReader({ store })];
  for (let head = 16; head < 36; head++) {
    expect(await fast.load(fold, STREAM), `at ${head}`).toEqual(await slow.load(fold, STREAM));
    expect(await fast.past(fold, STREAM, { version: 31 })).toEqual(await slow.past(fold, STREAM, { version: 31 }));
    await append('new');
  }
}, 30_000);

it('the relay and readers refuse a log that was not restored with the events', async () => {
  const { append, log } = stageOn({ ...(await restored({ events: images.events })), log: lost.tables.log });
  for (let index = 0; index < 20; index++) {
    await expect(append('new')).rejects.toThrow(LostHistoryError);
    await expect(log.getEventsAfter(undefined)).rejects.toThrow('restore the log to that moment, too');
  }
}, 30_000);

it('after a restore of all tables to the same moment, events, log and views agree', async () => {
  const stage = stageOn(await restored(images));
  for (let index = 0; index < 20; index++) await stage.append('new');
  expect(await stage.verify()).toMatchObject({ total: 0, extent: { commits: 36, pages: 36, views: 1 } });
  const texts = (await Array.fromAsync(stage.log.events(undefined))).map(({ data }) => Object.values(data).join());
  expect(texts.join()).not.toContain('lost');
}, 30_000);

it('a verification names the views that were not restored with the events', async () => {
  const tables = await restored({ events: images.events, log: images.log });
  const { differences } = await stageOn({ ...tables, views: lost.tables.views }).verify();
  expect(differences.map(({ place, kind }) => `${place} ${kind}`)).toEqual(['agent-status/42 ahead']);
}, 30_000);

it('the next commit of a stream makes a view again that was not restored', async () => {
  const tables = await restored({ events: images.events, log: images.log });
  const stage = stageOn({ ...tables, views: (await restored({ views: await imageOf(lost.tables.views) })).views });
  await stage.append('new');
  expect(await stage.verify()).toMatchObject({ total: 0, extent: { commits: 17, views: 1 } });
}, 30_000);

import { S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dynamoDb } from '../../adapters/aws/clients/clients.ts';
import { DynamoCommitStorage } from '../../adapters/aws/dynamodb/commit-storage.ts';
import { S3ObjectStore } from '../../adapters/aws/s3/object-store.ts';
import { FileObjectStore } from '../../adapters/embedded/files/object-store.ts';
import { SqliteCommitStorage } from '../../adapters/embedded/sqlite/commit-storage.ts';
import { openDataFolder } from '../../adapters/embedded/sqlite/database.ts';
import { CorruptDataError, PayloadTooLargeError, UnavailableError } from '../../core/base/errors.ts';
import { EventLog } from '../../core/log/log.ts';
import { LogWriter } from '../../core/log/writer.ts';
import { ClaimCheck, claimOf, LargeCommitStorage } from '../../core/store/claim-check.ts';
import { type Commit, MAX_COMMIT_BYTES } from '../../core/store/commit.ts';
import type { CommitStorage } from '../../core/store/commit-storage.ts';
import { EventStore } from '../../core/store/event-store.ts';
import type { ListedObject, ObjectStore } from '../../core/store/object-store.ts';
import { MemoryCommitStorage } from '../../testing/memory/commit-storage.ts';
import { catalogue } from '../support/application.ts';
import { MemoryLogStorage } from '../support/memory-log.ts';
import { MemoryObjectStore } from '../support/memory-objects.ts';
import { startS3StandIn } from '../support/s3-stand-in.ts';
import { newStream, noise, step } from '../support/sample-events.ts';
import { createTables } from '../support/tables.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

interface Stores {
  readonly storage: CommitStorage;
  readonly objects: ObjectStore;
}

const HOUR = 3_600_000;

function largeCommitsContract(name: string, create: () => Promise<Stores>): void {
  describe(`large commits on ${name}`, () => {
    let created: Stores | undefined;
    beforeAll(async () => {
      created = await create();
    });
    const open = () => {
      if (!created) throw new Error('nothing was created');
      const { storage, objects } = created;
      const claims = new ClaimCheck(objects);
      return {
        storage,
        objects,
        claims,
        store: new EventStore(new LargeCommitStorage(storage, claims), { catalogue }),
      };
    };
    const bodies = async (stream: string): Promise<ListedObject[]> =>
      Array.fromAsync(open().objects.list(`large-events/${stream}/`));

    test('a transaction of more than 4 MB keeps its largest bodies in objects', async () => {
      const { store, storage } = open();
      const streams = Array.from({ length: 14 }, newStream);
      const appends = streams.map((streamId, index) => ({
        streamId,
        expectedVersion: 0,
        events: [step(noise(index === 0 ? 900_000 : 400_000))],
      }));
      await store.transact({ appends });
      const stored = await Promise.all(
        streams.map(async (stream) => {
          const [commit] = await Array.fromAsync(storage.read(stream, { from: 1, to: 1, direction: 'forward' }));
          return claimOf(commit as Commit) ? 0 : (commit?.body.length ?? 0);
        }),
      );
      expect(stored[0]).toBe(0);
      expect(stored.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThanOrEqual(3 * 1024 * 1024);
      expect(stored.filter((bytes) => bytes > 0).length).toBeGreaterThan(8);
      for (const [index, stream] of streams.entries()) {
        expect(await Array.fromAsync(store.read(stream))).toMatchObject([{ data: appends[index]?.events[0]?.data }]);
      }
      await expect(store.transact({ appends })).rejects.toMatchObject({ code: 'CONCURRENCY_CONFLICT' });
    });

    test('an event of 5 MB is read unchanged; its commit is a small item with the key of the object', async () => {
      const { store, storage } = open();
      const stream = newStream();
      const event = step(noise(5_000_000));
      await store.append(stream, [step('small')], { expectedVersion: 0 });
      expect(await store.append(stream, [event], { expectedVersion: 1 })).toMatchObject({ toVersion: 2 });
      await store.append(stream, [step('small')], { expectedVersion: 2 });
      expect((await Array.fromAsync(store.read(stream))).map(({ data }) => data)).toEqual(
        [step('small'), event, step('small')].map(({ data }) => data),
      );
      const range = { from: 1, to: 3, direction: 'forward' } as const;
      const stored = await Array.fromAsync(storage.read(stream, range));
      for (const { body } of stored) expect(body.length).toBeLessThan(500);
      expect(await bodies(stream)).toMatchObject([{ bytes: expect.toSatisfy((bytes) => bytes > MAX_COMMIT_BYTES) }]);
    });

    test('a body that fits in an item stays there, and a body over 6 MB is refused', async () => {
      const { store } = open();
      const stream = newStream();
      await store.append(stream, [step(noise(400_000))], { expectedVersion: 0 });
      await expect(store.append(stream, [step(noise(8_400_000))], { expectedVersion: 1 })).rejects.toThrow(
        PayloadTooLargeError,
      );
      expect([await store.head(stream), await bodies(stream)]).toEqual([1, []]);
    });

    test('a repeat under a commit id gets the events of the first append', async () => {
      const { store } = open();
      const stream = newStream();
      const options = { expectedVersion: 'any', commitId: 'key' } as const;
      const first = await store.append(stream, [step(noise(900_000))], options);
      expect(await store.append(stream, [step(noise(900_000))], options)).toEqual({ ...first, repeated: true });
    });

    test('a missing or changed body is an error that names the commit', async () => {
      const { store, objects } = open();
      const stream = newStream();
      await store.append(stream, [step(noise(900_000))], { expectedVersion: 0 });
      const [{ key } = { key: '' }] = await bodies(stream);
      const body = (await objects.get(key)) ?? new Uint8Array();
      await objects.put(
        key,
        Uint8Array.from(body, (byte, index) => (index === 500_000 ? byte ^ 1 : byte)),
      );
      const reading = () => Array.fromAsync(store.read(stream));
      await expect(reading()).rejects.toThrow(
        new CorruptDataError(`the commit at version 1 of stream ${stream} cannot be read`),
      );
      await objects.delete(key);
      await expect(reading()).rejects.toThrow(CorruptDataError);
      await objects.put(key, body);
      expect(await reading()).toHaveLength(1);
    });

    test('the object is written first; when that fails, nothing is written', async () => {
      const { storage } = open();
      const stream = newStream();
      const full = new MemoryObjectStore();
      full.put = () => Promise.reject(new UnavailableError('no room'));
      const store = new EventStore(new LargeCommitStorage(storage, new ClaimCheck(full)), { catalogue });
      await expect(store.append(stream, [step(noise(900_000))], { expectedVersion: 0 })).rejects.toThrow(
        UnavailableError,
      );
      expect(await store.head(stream)).toBe(0);
    });

    test('the log stores the claim, and its readers get the event', async () => {
      const { store, storage, claims } = open();
      const stream = newStream();
      const event = step(noise(900_000));
      await store.append(stream, [event, step('small')], { expectedVersion: 0 });
      const pages = new MemoryLogStorage();
      const delivered = await Array.fromAsync(storage.read(stream, { from: 1, to: 2, direction: 'forward' }));
      const log = new LogWriter({ catalogue, storage: pages, commits: storage, strategy: 'single' });
      await log.append(await Promise.all(delivered.map((commit) => claims.redeem(commit))));
      const reader = new EventLog({ catalogue, storage: pages, strategy: 'single', claims });
      expect((await reader.getEventsAfter(undefined)).events).toMatchObject([
        { data: event.data },
        { data: step('small').data },
      ]);
      const [logged] = await Array.fromAsync(
        new EventLog({ catalogue, storage: pages, strategy: 'single' }).commits(undefined),
      );
      expect(logged?.commit.body.length).toBeLessThan(500);
    });

    test('only bodies without a commit are removed after an hour', async () => {
      const { store, storage, claims } = open();
      const [stream, orphaned] = [newStream(), newStream()];
      await store.append(stream, [step(noise(900_000))], { expectedVersion: 0 });
      await store.append(orphaned, [step('small')], { expectedVersion: 0 });
      const [commit] = await Array.fromAsync(store.commits(stream));
      if (!commit) throw new Error('no commit');
      await claims.deposit({ ...commit, stream: orphaned }); // its place is taken, by another commit
      await claims.deposit({ ...commit, version: 2 }); // its place is free
      const sweep = async (later: number) => {
        const removed = await claims.sweep(storage, new Date(Date.now() + later));
        return removed.filter((key) => key.includes(stream) || key.includes(orphaned));
      };
      expect(await sweep(HOUR / 2)).toEqual([]);
      expect(await sweep(8 * 24 * HOUR)).toEqual([]);
      expect(await sweep(2 * HOUR)).toHaveLength(2);
      expect(await bodies(orphaned)).toEqual([]);
      expect(await bodies(stream)).toHaveLength(1);
      expect(await Array.fromAsync(store.read(stream))).toHaveLength(1);
    });
  });
}

const folder = openDataFolder(temporaryFolder());
const standIn = await startS3StandIn();
afterAll(() => {
  folder.close();
  standIn.close();
});

largeCommitsContract('memory', async () => ({ storage: new MemoryCommitStorage(), objects: new MemoryObjectStore() }));
largeCommitsContract('SQLite and files', async () => ({
  storage: new SqliteCommitStorage(folder.events),
  objects: new FileObjectStore(temporaryFolder()),
}));
largeCommitsContract('DynamoDB and S3', async () => ({
  storage: new DynamoCommitStorage(dynamoDb(), (await createTables()).events),
  objects: new S3ObjectStore(new S3Client({ endpoint: standIn.endpoint, forcePathStyle: true }), 'objects'),
}));

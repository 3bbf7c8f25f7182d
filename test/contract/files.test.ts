import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { FileObjectStore } from '../../adapters/embedded/files/object-store.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { objectStoreContract } from './object-store.suite.ts';

objectStoreContract('files', async () => new FileObjectStore(temporaryFolder()));

test('objects outlive the process, unfinished objects do not', async () => {
  const folder = temporaryFolder();
  await new FileObjectStore(folder).put('a/b', new Uint8Array([1]));
  writeFileSync(join(folder, 'unfinished', '7'), 'half an obj');
  const reopened = new FileObjectStore(folder);
  expect(await reopened.get('a/b')).toEqual(Buffer.from([1]));
  expect(await Array.fromAsync(reopened.list(''))).toMatchObject([{ key: 'a/b', bytes: 1 }]);
  expect(readdirSync(join(folder, 'unfinished'))).toEqual([]);
});

test('names of objects and of new folders are on the disk when a put returns', async () => {
  const folder = temporaryFolder();
  const store = new FileObjectStore(folder);
  const probe = await open(join(folder, 'probe'), 'w');
  const handles = Object.getPrototypeOf(probe) as FileHandle;
  await probe.close();
  const named = (key: string) => existsSync(join(folder, 'objects', key));
  let synced: boolean[] = [];
  const sync = vi.spyOn(handles, 'sync').mockImplementation(async () => void synced.push(named('a/b/key')));
  onTestFinished(() => sync.mockRestore());
  await store.put('a/b/key', new Uint8Array([1]));
  expect(synced).toEqual([false, false, true]); // the folders of `b` and `a`, then the folder of the object
  synced = [];
  await store.put('a/b/other', new Uint8Array([1]));
  expect(synced).toHaveLength(1);
});

test('an object is on the disk before it gets its name, so that it is complete after a loss of power', async () => {
  const folder = temporaryFolder();
  const store = new FileObjectStore(folder);
  const probe = await open(join(folder, 'probe'), 'w');
  const handles = Object.getPrototypeOf(probe) as FileHandle;
  await probe.close();
  const named = () => readdirSync(join(folder, 'objects')).includes('key');
  const datasync = vi.spyOn(handles, 'datasync');
  onTestFinished(() => datasync.mockRestore());
  datasync.mockImplementation(async () => void expect(named()).toBe(false));
  await store.put('key', new Uint8Array([1, 2, 3]));
  expect(datasync).toHaveBeenCalledTimes(1);
  expect(named()).toBe(true);
});

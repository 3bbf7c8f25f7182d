import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FileObjectStore } from '../../adapters/embedded/files/object-store.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { objectStoreContract } from './object-store.suite.ts';

objectStoreContract('files', async () => new FileObjectStore(temporaryFolder()));

test('objects outlive the process, what it left unfinished does not', async () => {
  const folder = temporaryFolder();
  await new FileObjectStore(folder).put('a/b', new Uint8Array([1]));
  writeFileSync(join(folder, 'unfinished', '7'), 'half an obj');
  const reopened = new FileObjectStore(folder);
  expect(await reopened.get('a/b')).toEqual(Buffer.from([1]));
  expect(await Array.fromAsync(reopened.list(''))).toMatchObject([{ key: 'a/b', bytes: 1 }]);
  expect(readdirSync(join(folder, 'unfinished'))).toEqual([]);
});

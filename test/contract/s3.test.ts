import { S3Client } from '@aws-sdk/client-s3';
import { afterAll, expect, test } from 'vitest';
import { S3ObjectStore } from '../../adapters/aws/s3/object-store.ts';
import { UnavailableError } from '../../core/base/errors.ts';
import { startS3StandIn } from '../support/s3-stand-in.ts';
import { objectStoreContract } from './object-store.suite.ts';

const standIn = await startS3StandIn();
afterAll(() => standIn.close());

const client = (endpoint: string) => new S3Client({ endpoint, forcePathStyle: true, maxAttempts: 1 });

objectStoreContract('S3', async () => new S3ObjectStore(client(standIn.endpoint), 'objects'));

test('each call is a single signed request, and a write has a checksum', async () => {
  const objects = new S3ObjectStore(client(standIn.endpoint), 'objects');
  standIn.requests.length = 0;
  await objects.put('requests/1', new Uint8Array([1, 2, 3]), { ifAbsent: true });
  await objects.get('requests/1');
  await objects.delete('requests/1');
  expect(standIn.requests.map(({ method, path }) => `${method} ${path}`)).toEqual(
    ['PUT', 'GET', 'DELETE'].map((method) => `${method} /objects/requests/1`),
  );
  for (const { headers } of standIn.requests) expect(headers.authorization).toMatch(/^AWS4-HMAC-SHA256 /);
  expect(standIn.requests[0]?.headers).toMatchObject({
    'if-none-match': '*',
    'content-length': '3',
    'x-amz-checksum-crc32': 'VbyAHQ==',
  });
});

test('a missing bucket is an error, not an absent object; no answer is an UnavailableError', async () => {
  await expect(new S3ObjectStore(client(standIn.endpoint), 'other').get('a')).rejects.toThrow('NoSuchBucket');
  const unreachable = new S3ObjectStore(client('http://127.0.0.1:1'), 'objects');
  await expect(unreachable.get('a')).rejects.toThrow(UnavailableError);
  await expect(unreachable.put('a', new Uint8Array())).rejects.toThrow(UnavailableError);
});

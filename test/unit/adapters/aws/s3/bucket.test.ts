import { afterAll, expect, it, vi } from 'vitest';
import { observeClients } from '../../../../../adapters/aws/clients/clients.ts';
import { bucketObjects } from '../../../../../adapters/aws/s3/bucket.ts';
import { startS3StandIn } from '../../../../support/s3-stand-in.ts';

const standIn = await startS3StandIn();
vi.stubEnv('AWS_ENDPOINT_URL_S3', standIn.endpoint);
afterAll(() => {
  standIn.close();
  vi.unstubAllEnvs();
});

it('opens a bucket at its first use, with the client observed and nothing else', async () => {
  const observed: string[] = [];
  observeClients((client) => {
    client.middlewareStack.add((next) => next, { step: 'initialize', name: 'test' });
    observed.push(client.constructor.name);
  });
  const objects = bucketObjects('objects');
  expect(observed).toEqual([]);
  expect(await objects.put('a/1', new Uint8Array([1]))).toBe(true);
  expect(await objects.get('a/1')).toEqual(new Uint8Array([1]));
  expect(observed).toEqual(['S3Client']);
});

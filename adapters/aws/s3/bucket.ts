import type { ListedObject, ObjectStore } from '../../../core/store/object-store.ts';
import { lazily } from '../clients/lazily.ts';

/**
 * The objects of a bucket. The client of S3 is as large as that of DynamoDB, and few requests need it. So the first request
 * that needs it loads it, and a cold start does not wait for it.
 */
export function bucketObjects(bucket: string): ObjectStore {
  const opened = lazily(() => import('./client.ts').then(({ openBucket }) => openBucket(bucket)));
  return {
    put: async (...object) => (await opened()).put(...object),
    get: async (key) => (await opened()).get(key),
    delete: async (key) => (await opened()).delete(key),
    async *list(...range): AsyncGenerator<ListedObject> {
      yield* (await opened()).list(...range);
    },
  };
}

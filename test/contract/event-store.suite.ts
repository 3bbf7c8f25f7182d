import { beforeAll, describe } from 'vitest';
import type { CommitStorage } from '../../core/store/commit-storage.ts';
import { appendContract } from './event-store.append.ts';
import { concurrencyContract } from './event-store.concurrency.ts';
import { eventIdContract } from './event-store.event-ids.ts';
import { idempotencyContract } from './event-store.idempotency.ts';
import { modelContract } from './event-store.model.ts';
import { openTypesContract } from './event-store.open-types.ts';
import { readContract } from './event-store.read.ts';
import { tagContract } from './event-store.tags.ts';
import { transactionContract } from './event-store.transactions.ts';

/**
 * The contract of the event store over any storage. `createStorage` is called once. Each test writes to new streams, so
 * the storage need not be empty.
 */
export function eventStoreContract(name: string, createStorage: () => Promise<CommitStorage>): void {
  describe(`event store on ${name}`, () => {
    let storage: CommitStorage | undefined;
    beforeAll(async () => {
      storage = await createStorage();
    });
    const opened = (): CommitStorage => {
      if (!storage) throw new Error('the storage was not created');
      return storage;
    };
    describe('append', () => appendContract(opened));
    describe('idempotency', () => idempotencyContract(opened));
    describe('event ids', () => eventIdContract(opened));
    describe('concurrency', () => concurrencyContract(opened));
    describe('open types', () => openTypesContract(opened));
    describe('read', () => readContract(opened));
    describe('transactions', () => transactionContract(opened));
    describe('tags', () => tagContract(opened));
    describe('model', () => modelContract(opened));
  });
}

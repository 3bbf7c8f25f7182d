import { DeleteTableCommand } from '@aws-sdk/client-dynamodb';
import { ulid } from 'ulid';
import { afterAll, inject } from 'vitest';
import { dynamoDb } from '../../adapters/aws/clients/clients.ts';
import { DynamoCommitStorage } from '../../adapters/aws/dynamodb/commit-storage.ts';
import { DynamoGenerationStore } from '../../adapters/aws/dynamodb/generation-store.ts';
import { DynamoLogStorage } from '../../adapters/aws/dynamodb/log-storage.ts';
import { DynamoSharedViews } from '../../adapters/aws/dynamodb/shared-views.ts';
import { DynamoViewStore } from '../../adapters/aws/dynamodb/view-store.ts';
import { openBucket } from '../../adapters/aws/s3/client.ts';
import { eventStoreContract } from '../contract/event-store.suite.ts';
import { logContract } from '../contract/log.suite.ts';
import { objectStoreContract } from '../contract/object-store.suite.ts';
import { sharedViewStoreContract } from '../contract/shared-view-store.suite.ts';
import { viewEntriesContract } from '../contract/view-entries.suite.ts';
import { viewStoreContract } from '../contract/view-store.suite.ts';
import { createTables } from '../support/tables.ts';

/** Tables of the suites' own: what they write is nothing that the deployed functions should work on. */
const tables = createTables();
afterAll(async () => {
  const names = Object.values(await tables);
  await Promise.all(names.map((TableName) => dynamoDb().send(new DeleteTableCommand({ TableName }))));
});

eventStoreContract('the cloud', async () => new DynamoCommitStorage(dynamoDb(), (await tables).events));
viewStoreContract('the cloud', async () => new DynamoViewStore(dynamoDb(), (await tables).views));
viewEntriesContract('the cloud', async () => {
  const { views } = await tables;
  return {
    views: new DynamoViewStore(dynamoDb(), views),
    generations: new DynamoGenerationStore(dynamoDb(), views),
  };
});
logContract('the cloud', async () => new DynamoLogStorage(dynamoDb(), (await tables).log, ulid()));
objectStoreContract('the cloud', async () => openBucket(inject('deployment').objectsBucket));
sharedViewStoreContract('the cloud', async () => {
  const { views } = await tables;
  return { views: new DynamoViewStore(dynamoDb(), views), shared: new DynamoSharedViews(dynamoDb(), views) };
});

import { ulid } from 'ulid';
import { dynamoDb } from '../../adapters/aws/clients/clients.ts';
import { DynamoCommitStorage } from '../../adapters/aws/dynamodb/commit-storage.ts';
import { DynamoControlStore } from '../../adapters/aws/dynamodb/control-store.ts';
import { DynamoGenerationStore } from '../../adapters/aws/dynamodb/generation-store.ts';
import { DynamoLogStorage } from '../../adapters/aws/dynamodb/log-storage.ts';
import { DynamoSagaTokens } from '../../adapters/aws/dynamodb/saga-tokens.ts';
import { DynamoSharedViews } from '../../adapters/aws/dynamodb/shared-views.ts';
import { DynamoViewStore } from '../../adapters/aws/dynamodb/view-store.ts';
import { createTables } from '../support/tables.ts';
import { commitScanContract } from './commit-scan.suite.ts';
import { controlStoreContract } from './control-store.suite.ts';
import { counterNamesContract } from './counter-names.suite.ts';
import { entryProjectingContract } from './entry-projecting.suite.ts';
import { eventStoreContract } from './event-store.suite.ts';
import { generationStoreContract } from './generation-store.suite.ts';
import { largeViewsContract } from './large-views.suite.ts';
import { logContract } from './log.suite.ts';
import { sagaTokensContract } from './saga-tokens.suite.ts';
import { sharedProjectingContract } from './shared-projecting.suite.ts';
import { sharedViewStoreContract } from './shared-view-store.suite.ts';
import { viewEntriesContract } from './view-entries.suite.ts';
import { viewStoreContract } from './view-store.suite.ts';

eventStoreContract('DynamoDB', async () => new DynamoCommitStorage(dynamoDb(), (await createTables()).events));
commitScanContract('DynamoDB', async () => new DynamoCommitStorage(dynamoDb(), (await createTables()).events));
viewStoreContract('DynamoDB', async () => new DynamoViewStore(dynamoDb(), (await createTables()).views));
generationStoreContract('DynamoDB', async () => {
  const { views } = await createTables();
  return {
    views: new DynamoViewStore(dynamoDb(), views),
    generations: new DynamoGenerationStore(dynamoDb(), views),
  };
});
viewEntriesContract('DynamoDB', async () => {
  const { views } = await createTables();
  return {
    views: new DynamoViewStore(dynamoDb(), views),
    generations: new DynamoGenerationStore(dynamoDb(), views),
  };
});
entryProjectingContract('DynamoDB', async () => {
  const { views } = await createTables();
  return {
    views: new DynamoViewStore(dynamoDb(), views),
    generations: new DynamoGenerationStore(dynamoDb(), views),
  };
});
controlStoreContract('DynamoDB', async () => new DynamoControlStore(dynamoDb(), (await createTables()).control));
const logTables = createTables();
// Each test has another tenant, for which the shared table is empty.
logContract('DynamoDB', async () => new DynamoLogStorage(dynamoDb(), (await logTables).log, ulid()));
sagaTokensContract('DynamoDB', async () => new DynamoSagaTokens(dynamoDb(), (await createTables()).sagaTokens));
sharedViewStoreContract('DynamoDB', async () => {
  const { views } = await createTables();
  return { views: new DynamoViewStore(dynamoDb(), views), shared: new DynamoSharedViews(dynamoDb(), views) };
});
largeViewsContract('DynamoDB', async () => {
  const { views } = await createTables();
  return { views: new DynamoViewStore(dynamoDb(), views), shared: new DynamoSharedViews(dynamoDb(), views) };
});
sharedProjectingContract('DynamoDB', async () => {
  const { views } = await createTables();
  return { views: new DynamoViewStore(dynamoDb(), views), shared: new DynamoSharedViews(dynamoDb(), views) };
});
counterNamesContract('DynamoDB', async () => {
  const { views } = await createTables();
  return { views: new DynamoViewStore(dynamoDb(), views), shared: new DynamoSharedViews(dynamoDb(), views) };
});

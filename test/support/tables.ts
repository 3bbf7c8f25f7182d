import { CreateTableCommand, waitUntilTableExists } from '@aws-sdk/client-dynamodb';
import { ulid } from 'ulid';
import { dynamoDb } from '../../adapters/aws/clients/clients.ts';
import {
  controlTable,
  eventsTable,
  logTable,
  sagaTokensTable,
  viewsTable,
} from '../../adapters/aws/dynamodb/tables.ts';

/** All tables under unique names, empty and ready. */
export async function createTables(): Promise<Record<'events' | 'views' | 'control' | 'log' | 'sagaTokens', string>> {
  const run = ulid();
  const names = {
    events: `events-${run}`,
    views: `views-${run}`,
    control: `control-${run}`,
    log: `log-${run}`,
    sagaTokens: `saga-tokens-${run}`,
  };
  const tables = [
    { ...eventsTable, TableName: names.events },
    { ...viewsTable, TableName: names.views },
    { ...controlTable, TableName: names.control },
    { ...logTable, TableName: names.log },
    { ...sagaTokensTable, TableName: names.sagaTokens },
  ];
  await Promise.all(
    tables.map(async (table) => {
      await dynamoDb().send(new CreateTableCommand(table));
      const patience = { client: dynamoDb(), maxWaitTime: 60, minDelay: 1 };
      await waitUntilTableExists(patience, { TableName: table.TableName });
    }),
  );
  return names;
}

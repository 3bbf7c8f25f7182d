import {
  type AttributeValue,
  BatchGetItemCommand,
  type DynamoDBClient,
  type KeysAndAttributes,
} from '@aws-sdk/client-dynamodb';
import { reaching } from '../clients/service-error.ts';

type Item = Record<string, AttributeValue>;

/**
 * Fetches up to 100 items of a table, in no order; those that are not there are left out. Asks until nothing is left
 * over: an answer has at least one item and at most 16 MB of them.
 * @throws UnavailableError
 */
export async function batchGet(client: DynamoDBClient, table: string, wanted: KeysAndAttributes): Promise<Item[]> {
  const items: Item[] = [];
  let pending: KeysAndAttributes | undefined = wanted;
  while (pending?.Keys?.length) {
    const get: BatchGetItemCommand = new BatchGetItemCommand({ RequestItems: { [table]: pending } });
    const { Responses, UnprocessedKeys } = await reaching('DynamoDB', () => client.send(get));
    items.push(...(Responses?.[table] ?? []));
    pending = UnprocessedKeys?.[table];
  }
  return items;
}

import { ConditionalCheckFailedException, type DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { callService } from '../clients/service-error.ts';
import type { Item } from './store.ts';

/**
 * Puts an item unless another item has its keys, in a single request.
 * @param key an attribute that every item of the table has
 * @returns undefined when the item was written, else the item that has the keys
 * @throws UnavailableError when the outcome is unknown
 */
export async function putIfFree(
  client: DynamoDBClient,
  table: string,
  key: string,
  item: Item,
): Promise<Item | undefined> {
  const put = new PutItemCommand({
    TableName: table,
    Item: item,
    ConditionExpression: 'attribute_not_exists(#key)',
    ExpressionAttributeNames: { '#key': key },
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  });
  try {
    await callService('DynamoDB', () => client.send(put));
    return undefined;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException && error.Item) return error.Item;
    throw error;
  }
}

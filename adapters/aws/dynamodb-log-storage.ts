import {
  type AttributeValue,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  PutItemCommand,
  QueryCommand,
  type QueryCommandInput,
} from '@aws-sdk/client-dynamodb';
import type { LogPage } from '../../core/log-page.ts';
import type { LogStorage, PageRange } from '../../core/log-storage.ts';
import { itemOf, pageOf, partitionKey } from './log-page-item.ts';
import { reaching } from './service-error.ts';
import { DEFAULT_TENANT } from './tables.ts';

/** A request ends at 1 MB anyway; DynamoDB refuses limits that do not fit in 32 bits. */
const MAX_LIMIT = 10_000;

/**
 * Pages of the log in DynamoDB, one item each; see {@link logTable}. Reading costs half as much as a consistent read does,
 * for readers notice a page that is not to be seen yet by its number, and wait for it.
 */
export class DynamoLogStorage implements LogStorage {
  readonly #client: DynamoDBClient;
  readonly #table: string;
  readonly #tenant: string;

  constructor(client: DynamoDBClient, table: string, tenant = DEFAULT_TENANT) {
    this.#client = client;
    this.#table = table;
    this.#tenant = tenant;
  }

  async put(page: LogPage): Promise<LogPage | undefined> {
    const put = new PutItemCommand({
      TableName: this.#table,
      Item: itemOf(page, this.#tenant),
      ConditionExpression: 'attribute_not_exists(#page)',
      ExpressionAttributeNames: { '#page': 'page' },
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    });
    try {
      await reaching('DynamoDB', this.#client.send(put));
      return undefined;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException && error.Item) return pageOf(error.Item);
      throw error;
    }
  }

  async last(partition: string): Promise<LogPage | undefined> {
    const { items } = await this.#query(partition, { ScanIndexForward: false, Limit: 1, ConsistentRead: true });
    return items[0] && pageOf(items[0]);
  }

  async *read(partition: string, range: PageRange): AsyncGenerator<LogPage> {
    const { after, limit = Number.MAX_SAFE_INTEGER, consistent = false } = range;
    let startKey: QueryCommandInput['ExclusiveStartKey'];
    let left = limit;
    do {
      const { items, next } = await this.#query(partition, {
        KeyConditionExpression: '#partition = :partition AND #page > :after',
        ExpressionAttributeNames: { '#page': 'page' },
        ExpressionAttributeValues: { ':after': { N: String(after) } },
        Limit: Math.min(left, MAX_LIMIT),
        ConsistentRead: consistent,
        ExclusiveStartKey: startKey,
      });
      yield* items.map(pageOf);
      left -= items.length;
      startKey = next;
    } while (startKey && left > 0);
  }

  async #query(partition: string, input: Omit<QueryCommandInput, 'TableName'>) {
    const query = new QueryCommand({
      KeyConditionExpression: '#partition = :partition',
      ...input,
      TableName: this.#table,
      ExpressionAttributeNames: { '#partition': 'partition', ...input.ExpressionAttributeNames },
      ExpressionAttributeValues: {
        ':partition': { S: partitionKey(this.#tenant, partition) },
        ...input.ExpressionAttributeValues,
      },
    });
    const { Items, LastEvaluatedKey } = await reaching('DynamoDB', this.#client.send(query));
    const items: Record<string, AttributeValue>[] = Items ?? [];
    return { items, next: LastEvaluatedKey };
  }
}

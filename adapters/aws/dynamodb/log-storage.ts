import { type AttributeValue, QueryCommand, type QueryCommandInput, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import pLimit from 'p-limit';
import type { LogPage } from '../../../core/log/page.ts';
import type { LogStorage, PageRange } from '../../../core/log/storage.ts';
import { itemOf, MARK, markKey, markOf, pageOf, partitionKey } from './log-page-item.ts';
import { putIfFree } from './put-if-free.ts';
import { DynamoStore, type Item, MAX_BATCH, whether } from './store.ts';
import { EXPIRES_AT } from './tables.ts';

/** A request ends at 1 MB anyway; DynamoDB refuses limits that do not fit in 32 bits. */
const MAX_LIMIT = 10_000;
/** How long archived pages stay after they were marked, for readers that are among them: a day. */
const GRACE_SECONDS = 24 * 60 * 60;
const MARKED_AT_ONCE = 10;
const RAISED_AT_ONCE = 25;

/**
 * Pages of the log in DynamoDB, one item each; see {@link logTable}. Reading costs half as much as a consistent read does,
 * for readers notice a page that is not to be seen yet by its number, and wait for it.
 */
export class DynamoLogStorage extends DynamoStore implements LogStorage {
  async put(page: LogPage): Promise<LogPage | undefined> {
    const occupant = await putIfFree(this.client, this.table, 'page', itemOf(page, this.tenant));
    return occupant && pageOf(occupant);
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

  /** DynamoDB drops them some days after the grace, unpaid; to mark a page costs what it cost to put it. */
  async expire(partition: string, first: number, last: number): Promise<void> {
    const expiresAt = String(Math.floor(Date.now() / 1_000) + GRACE_SECONDS);
    const unmarked = await Array.fromAsync(this.#unmarked(partition, first, last));
    await pLimit(MARKED_AT_ONCE).map(unmarked, async (page) => {
      const mark = new UpdateItemCommand({
        TableName: this.table,
        Key: { partition: { S: partitionKey(this.tenant, partition) }, page },
        UpdateExpression: 'SET #expiresAt = :expiresAt',
        ConditionExpression: 'attribute_exists(#page)', // one that is gone already must not come back as a mark alone
        ExpressionAttributeNames: { '#expiresAt': EXPIRES_AT, '#page': 'page' },
        ExpressionAttributeValues: { ':expiresAt': { N: expiresAt } },
      });
      await whether(this.send(mark));
    });
  }

  async marks(keys: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const batches = Array.from({ length: Math.ceil(keys.length / MAX_BATCH) }, (_, index) =>
      keys.slice(index * MAX_BATCH, (index + 1) * MAX_BATCH).map((key) => markKey(this.tenant, key)),
    );
    const items = await Promise.all(batches.map((Keys) => this.batchGet({ Keys, ConsistentRead: true })));
    return new Map(items.flat().map(markOf));
  }

  /** One request a mark, for a batch of writes takes no conditions. Costs one write unit a mark. */
  async raiseMarks(marks: ReadonlyMap<string, number>): Promise<void> {
    await pLimit(RAISED_AT_ONCE).map([...marks], async ([key, mark]) => {
      const raise = new UpdateItemCommand({
        TableName: this.table,
        Key: markKey(this.tenant, key),
        UpdateExpression: 'SET #mark = :mark',
        ConditionExpression: 'attribute_not_exists(#mark) OR #mark < :mark', // a mark that is as high already stays
        ExpressionAttributeNames: { '#mark': MARK },
        ExpressionAttributeValues: { ':mark': { N: String(mark) } },
      });
      await whether(this.send(raise));
    });
  }

  async *#unmarked(partition: string, first: number, last: number): AsyncGenerator<AttributeValue> {
    let startKey: QueryCommandInput['ExclusiveStartKey'];
    do {
      const { items, next } = await this.#query(partition, {
        KeyConditionExpression: '#partition = :partition AND #page BETWEEN :first AND :last',
        FilterExpression: 'attribute_not_exists(#expiresAt)',
        ProjectionExpression: '#page',
        ExpressionAttributeNames: { '#page': 'page', '#expiresAt': EXPIRES_AT },
        ExpressionAttributeValues: { ':first': { N: String(first) }, ':last': { N: String(last) } },
        ExclusiveStartKey: startKey,
      });
      for (const { page } of items) if (page) yield page;
      startKey = next;
    } while (startKey);
  }

  async #query(partition: string, input: Omit<QueryCommandInput, 'TableName'>) {
    const query = new QueryCommand({
      KeyConditionExpression: '#partition = :partition',
      ...input,
      TableName: this.table,
      ExpressionAttributeNames: { '#partition': 'partition', ...input.ExpressionAttributeNames },
      ExpressionAttributeValues: {
        ':partition': { S: partitionKey(this.tenant, partition) },
        ...input.ExpressionAttributeValues,
      },
    });
    const { Items, LastEvaluatedKey } = await this.send(query);
    const items: Item[] = Items ?? [];
    return { items, next: LastEvaluatedKey };
  }
}

import {
  type AttributeValue,
  BatchExecuteStatementCommand,
  QueryCommand,
  type QueryCommandInput,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import pLimit from 'p-limit';
import { UnavailableError } from '../../../core/base/errors.ts';
import type { LogPage } from '../../../core/log/page.ts';
import type { LogStorage, PageRange } from '../../../core/log/storage.ts';
import {
  markKey,
  partitionKey,
  type Raise,
  raiseStatement,
  readMarkItem,
  readPageItem,
  toPageItem,
} from './log-page-item.ts';
import { putIfFree } from './put-if-free.ts';
import { conditionHeld, DynamoStore, type Item, MAX_BATCH } from './store.ts';
import { EXPIRES_AT } from './tables.ts';

/** A page of a query ends at 1 MB anyway. DynamoDB refuses limits that do not fit in 32 bits. */
const MAX_LIMIT = 10_000;
/** Archived pages stay for a day after they were marked as expired, for readers that still read them. */
const GRACE_SECONDS = 24 * 60 * 60;
/** Requests at once that mark pages as expired. */
const MAX_EXPIRING = 10;
/** DynamoDB takes at most this many statements in a request. */
const MAX_STATEMENTS = 25;
/** Requests at once that raise marks. */
const MAX_RAISING = 4;

/**
 * Pages of the log in DynamoDB, one item each; see {@link logTable}. Reads are eventually consistent, at half the price of
 * consistent reads: readers see by the page numbers that a page is missing, and wait for it.
 */
export class DynamoLogStorage extends DynamoStore implements LogStorage {
  async put(page: LogPage): Promise<LogPage | undefined> {
    const occupant = await putIfFree(this.client, this.table, 'page', toPageItem(page, this.tenant));
    return occupant && readPageItem(occupant);
  }

  async last(partition: string): Promise<LogPage | undefined> {
    const { items } = await this.#query(partition, { ScanIndexForward: false, Limit: 1, ConsistentRead: true });
    return items[0] && readPageItem(items[0]);
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
      yield* items.map(readPageItem);
      left -= items.length;
      startKey = next;
    } while (startKey && left > 0);
  }

  /** DynamoDB drops expired pages within days after the grace, for free. To mark a page costs as much as to put it. */
  async expire(partition: string, first: number, last: number): Promise<void> {
    const expiresAt = String(Math.floor(Date.now() / 1_000) + GRACE_SECONDS);
    const unmarked = await Array.fromAsync(this.#unmarked(partition, first, last));
    await pLimit(MAX_EXPIRING).map(unmarked, async (page) => {
      const mark = new UpdateItemCommand({
        TableName: this.table,
        Key: { partition: { S: partitionKey(this.tenant, partition) }, page },
        UpdateExpression: 'SET #expiresAt = :expiresAt',
        ConditionExpression: 'attribute_exists(#page)', // a dropped page must not come back as an item without content
        ExpressionAttributeNames: { '#expiresAt': EXPIRES_AT, '#page': 'page' },
        ExpressionAttributeValues: { ':expiresAt': { N: expiresAt } },
      });
      await conditionHeld(this.send(mark));
    });
  }

  async marks(keys: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const batches = chunks(keys, MAX_BATCH).map((batch) => batch.map((key) => markKey(this.tenant, key)));
    const items = await Promise.all(batches.map((Keys) => this.batchGet({ Keys, ConsistentRead: true })));
    return new Map(items.flat().map(readMarkItem));
  }

  /** Costs a write unit a mark, and a second write unit where `fresh` was wrong. */
  async raiseMarks(marks: ReadonlyMap<string, number>, fresh: ReadonlySet<string> = new Set()): Promise<void> {
    const left = [...marks].map(([key, mark]): Raise => ({ key, mark, exists: !fresh.has(key), isSure: false }));
    await pLimit(MAX_RAISING).map(chunks(left, MAX_STATEMENTS), async (batch) => {
      for (let raises = batch; raises.length > 0; ) raises = await this.#raise(raises);
    });
  }

  /**
   * Only PartiQL puts many independent conditional writes into a request. A request for each mark took most of the relay's
   * processor time.
   * @returns the raises to try again with the other statement, because the guess `exists` was wrong
   */
  async #raise(raises: readonly Raise[]): Promise<Raise[]> {
    const Statements = raises.map((raise) => raiseStatement(this.table, markKey(this.tenant, raise.key), raise));
    const { Responses = [] } = await this.send(new BatchExecuteStatementCommand({ Statements }));
    return raises.flatMap((raise, index): Raise[] => {
      const { Code, Message } = Responses[index]?.Error ?? {};
      if (Code === undefined) return [];
      if (Code === 'DuplicateItem') return [{ ...raise, exists: true, isSure: true }];
      if (Code !== 'ConditionalCheckFailed') {
        throw new UnavailableError(`DynamoDB did not raise a mark of the log (${Code}: ${Message}); repeat it later`);
      }
      return raise.isSure ? [] : [{ ...raise, exists: false }]; // the mark is high enough already, or does not exist
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

const chunks = <T>(items: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, n) => items.slice(n * size, (n + 1) * size));

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
import { itemOf, markKey, markOf, pageOf, partitionKey, type Raise, raiseStatement } from './log-page-item.ts';
import { putIfFree } from './put-if-free.ts';
import { DynamoStore, type Item, MAX_BATCH, whether } from './store.ts';
import { EXPIRES_AT } from './tables.ts';

/** A request ends at 1 MB anyway; DynamoDB refuses limits that do not fit in 32 bits. */
const MAX_LIMIT = 10_000;
/** How long archived pages stay after they were marked, for readers that are among them: a day. */
const GRACE_SECONDS = 24 * 60 * 60;
const MARKED_AT_ONCE = 10;
/** DynamoDB takes so many statements in one request. */
const STATEMENTS = 25;
/** Requests that raise marks at once. */
const RAISED_AT_ONCE = 4;

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
    const batches = chunks(keys, MAX_BATCH).map((batch) => batch.map((key) => markKey(this.tenant, key)));
    const items = await Promise.all(batches.map((Keys) => this.batchGet({ Keys, ConsistentRead: true })));
    return new Map(items.flat().map(markOf));
  }

  /** Costs one write unit a mark, and one more where `fresh` was wrong. */
  async raiseMarks(marks: ReadonlyMap<string, number>, fresh: ReadonlySet<string> = new Set()): Promise<void> {
    const left = [...marks].map(([key, mark]): Raise => ({ key, mark, exists: !fresh.has(key), isSure: false }));
    await pLimit(RAISED_AT_ONCE).map(chunks(left, STATEMENTS), async (batch) => {
      for (let raises = batch; raises.length > 0; ) raises = await this.#raise(raises);
    });
  }

  /**
   * PartiQL is the one way to many conditional writes in a request: a request for each mark was most of what the relay
   * spent its processor on.
   * @returns those to try otherwise, because there is a mark already, or none yet
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
      return raise.isSure ? [] : [{ ...raise, exists: false }]; // as high already, or not there
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

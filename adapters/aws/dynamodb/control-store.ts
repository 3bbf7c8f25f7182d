import {
  type AttributeValue,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
} from '@aws-sdk/client-dynamodb';
import * as z from 'zod';
import { CorruptDataError } from '../../../core/base/errors.ts';
import type { JsonObject } from '../../../core/events/json.ts';
import {
  type ControlItem,
  type ControlListOptions,
  type ControlPage,
  type ControlStore,
  encodeControl,
} from '../../../core/replays/control-store.ts';
import { reaching } from '../clients/service-error.ts';
import { batchGet } from './batch-get.ts';
import { BY_KIND, DEFAULT_TENANT } from './tables.ts';

type Item = Record<string, AttributeValue>;

const text = z.object({ S: z.string().min(1) }).transform(({ S }) => S);

const controlItem = z.object({
  id: text,
  revision: z.object({ N: z.string().regex(/^[1-9]\d{0,15}$/) }).transform(({ N }) => Number(N)),
  content: text.transform((json): JsonObject => JSON.parse(json)),
});

/** DynamoDB fetches at most this many items at once. */
const MAX_BATCH = 100;

/** Control items in DynamoDB; see {@link controlTable}. */
export class DynamoControlStore implements ControlStore {
  readonly #client: DynamoDBClient;
  readonly #table: string;
  readonly #tenant: string;

  constructor(client: DynamoDBClient, table: string, tenant = DEFAULT_TENANT) {
    this.#client = client;
    this.#table = table;
    this.#tenant = tenant;
  }

  async get(kind: string, id: string): Promise<ControlItem | undefined> {
    const get = new GetItemCommand({ TableName: this.#table, Key: this.#key(kind, id), ConsistentRead: true });
    const { Item } = await reaching('DynamoDB', () => this.#client.send(get));
    return Item && itemOf(kind, Item);
  }

  async put(kind: string, id: string, content: JsonObject, expectedRevision: number): Promise<boolean> {
    const Item: Item = {
      ...this.#key(kind, id),
      kind: { S: `${this.#tenant}/${kind}` },
      id: { S: id },
      revision: { N: String(expectedRevision + 1) },
      content: { S: encodeControl(kind, id, content) },
    };
    const put = new PutItemCommand({ TableName: this.#table, Item, ...stillAt(expectedRevision) });
    return this.#conditionally(() => this.#client.send(put));
  }

  async remove(kind: string, id: string, expectedRevision: number): Promise<boolean> {
    const Key = this.#key(kind, id);
    const remove = new DeleteItemCommand({ TableName: this.#table, Key, ...stillAt(expectedRevision) });
    return this.#conditionally(() => this.#client.send(remove));
  }

  async list(kind: string, { limit, prefix = '', after = '' }: ControlListOptions): Promise<ControlPage> {
    const size = Math.min(limit, MAX_BATCH);
    const found = await this.#ids(kind, prefix, after, size + 1); // one more tells whether a page follows
    const ids = found.slice(0, size);
    const fetched = await batchGet(this.#client, this.#table, { Keys: ids.map((id) => this.#key(kind, id)) });
    const items = fetched.map((item) => itemOf(kind, item)).toSorted((a, b) => (a.id < b.id ? -1 : 1));
    const next = found.length > size ? ids.at(-1) : undefined;
    return next === undefined ? { items } : { items, next };
  }

  #key(kind: string, id: string): Item {
    return { item: { S: `${this.#tenant}/${kind}/${id}` } };
  }

  async #conditionally(write: () => Promise<unknown>): Promise<boolean> {
    try {
      await reaching('DynamoDB', write);
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  }

  /** A sort key takes one condition, so a list by prefix that goes on after an id ends at the last that the prefix has. */
  async #ids(kind: string, prefix: string, after: string, limit: number): Promise<string[]> {
    const last = `${prefix}\u{10FFFF}`;
    if (after >= last) return [];
    const bounds = after > prefix ? { ':first': { S: after } } : { ':first': { S: prefix || '\u0000' } };
    const query = new QueryCommand({
      TableName: this.#table,
      IndexName: BY_KIND,
      KeyConditionExpression: '#kind = :kind AND #id BETWEEN :first AND :last',
      ExpressionAttributeNames: { '#kind': 'kind', '#id': 'id' },
      ExpressionAttributeValues: { ':kind': { S: `${this.#tenant}/${kind}` }, ...bounds, ':last': { S: last } },
      Limit: limit + 1, // `after` itself is among them
    });
    const { Items } = await reaching('DynamoDB', () => this.#client.send(query));
    const ids = (Items ?? []).map((item) => z.object({ id: text }).parse(item).id);
    return ids.filter((id) => id > after).slice(0, limit);
  }
}

const stillAt = (revision: number) =>
  revision === 0
    ? { ConditionExpression: 'attribute_not_exists(#revision)', ExpressionAttributeNames: { '#revision': 'revision' } }
    : {
        ConditionExpression: '#revision = :expected',
        ExpressionAttributeNames: { '#revision': 'revision' },
        ExpressionAttributeValues: { ':expected': { N: String(revision) } },
      };

/** @throws CorruptDataError that names the item */
function itemOf(kind: string, item: Item): ControlItem {
  try {
    return { kind, ...controlItem.parse(item) };
  } catch (cause) {
    throw new CorruptDataError(`the item ${item['item']?.S} is no ${kind}`, { cause });
  }
}

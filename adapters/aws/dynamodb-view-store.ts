import {
  type AttributeValue,
  BatchGetItemCommand,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
} from '@aws-sdk/client-dynamodb';
import * as z from 'zod';
import { CorruptDataError } from '../../core/errors.ts';
import type { StoredView } from '../../core/projection.ts';
import { encodeView, type ViewPage, type ViewStore } from '../../core/view-store.ts';
import type { JsonObject } from '../../events/json.ts';
import { reaching } from './service-error.ts';
import { BY_GROUP, DEFAULT_TENANT } from './tables.ts';

type Item = Record<string, AttributeValue>;
type Place = Pick<StoredView, 'projection' | 'generation'>;

const text = z.object({ S: z.string().min(1) }).transform(({ S }) => S);

const viewItem = z.object({
  view: text,
  key: text,
  version: z.object({ N: z.string().regex(/^[1-9]\d{0,15}$/) }).transform(({ N }) => Number(N)),
  listing: text.optional(),
  body: text.optional(),
});

/** What was encoded by {@link encodeView}: that it is an object at all is worth a check, all its members are not. */
const encodedView = z.custom<JsonObject>((view) => typeof view === 'object' && view !== null && !Array.isArray(view));

/** DynamoDB fetches at most this many items at once. */
const MAX_BATCH = 100;

/** Views in DynamoDB, one item each; see {@link viewsTable}. A page of a list has at most 100 views. */
export class DynamoViewStore implements ViewStore {
  readonly #client: DynamoDBClient;
  readonly #table: string;
  readonly #tenant: string;

  constructor(client: DynamoDBClient, table: string, tenant = DEFAULT_TENANT) {
    this.#client = client;
    this.#table = table;
    this.#tenant = tenant;
  }

  async get(projection: string, generation: number, key: string): Promise<StoredView | undefined> {
    const place = { projection, generation };
    const Key = { view: { S: this.#id(place, key) } };
    const get = new GetItemCommand({ TableName: this.#table, Key, ConsistentRead: true });
    const { Item } = await reaching('DynamoDB', this.#client.send(get));
    return Item && this.#viewOf(place, Item);
  }

  async put(stored: StoredView, expectedVersion: number): Promise<boolean> {
    const { key, version, group } = stored;
    const body = encodeView(stored);
    const Item: Item = {
      view: { S: this.#id(stored, key) },
      key: { S: key },
      version: { N: String(version) },
      ...(group === '' ? {} : { listing: { S: this.#id(stored, group) } }),
      ...(body === undefined ? {} : { body: { S: body } }),
    };
    const condition =
      expectedVersion === 0
        ? { ConditionExpression: 'attribute_not_exists(#version)' }
        : {
            ConditionExpression: '#version = :expected',
            ExpressionAttributeValues: { ':expected': { N: String(expectedVersion) } },
          };
    const names = { ExpressionAttributeNames: { '#version': 'version' } };
    try {
      const put = new PutItemCommand({ TableName: this.#table, Item, ...condition, ...names });
      await reaching('DynamoDB', this.#client.send(put));
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  }

  async list(
    projection: string,
    generation: number,
    group: string,
    { limit, after }: { limit: number; after?: string | undefined },
  ): Promise<ViewPage> {
    if (group === '') return { views: [] };
    const place = { projection, generation };
    const size = Math.min(limit, MAX_BATCH);
    const found = await this.#keys(this.#id(place, group), size + 1, after); // one more tells whether a page follows
    const keys = found.slice(0, size);
    const items = await this.#fetch(keys.map((key) => ({ view: { S: this.#id(place, key) } })));
    const views = items
      .map((item) => this.#viewOf(place, item))
      .filter((view) => view.group === group) // it may have left the group since the index was written
      .toSorted((a, b) => (a.key < b.key ? -1 : 1));
    const next = found.length > size ? keys.at(-1) : undefined;
    return next === undefined ? { views } : { views, next };
  }

  async #keys(listing: string, limit: number, after: string | undefined): Promise<string[]> {
    const query = new QueryCommand({
      TableName: this.#table,
      IndexName: BY_GROUP,
      KeyConditionExpression: after === undefined ? '#listing = :listing' : '#listing = :listing AND #key > :after',
      ExpressionAttributeNames: { '#listing': 'listing', ...(after === undefined ? {} : { '#key': 'key' }) },
      ExpressionAttributeValues: {
        ':listing': { S: listing },
        ...(after === undefined ? {} : { ':after': { S: after } }),
      },
      Limit: limit,
    });
    const { Items } = await reaching('DynamoDB', this.#client.send(query));
    return (Items ?? []).map((item) => z.object({ key: text }).parse(item).key);
  }

  /** Fetches until nothing is left over: an answer has at least one item and at most 16 MB of them. */
  async #fetch(keys: readonly Item[]): Promise<Item[]> {
    const items: Item[] = [];
    let pending = [...keys];
    while (pending.length > 0) {
      const get = new BatchGetItemCommand({ RequestItems: { [this.#table]: { Keys: pending } } });
      const { Responses, UnprocessedKeys } = await reaching('DynamoDB', this.#client.send(get));
      items.push(...(Responses?.[this.#table] ?? []));
      pending = UnprocessedKeys?.[this.#table]?.Keys ?? [];
    }
    return items;
  }

  #id({ projection, generation }: Place, name: string): string {
    return `${this.#tenant}/${projection}/${generation}/${name}`;
  }

  /** @throws CorruptDataError that names the view */
  #viewOf(place: Place, item: Item): StoredView {
    try {
      const { key, version, listing, body } = viewItem.parse(item);
      const group = listing?.slice(this.#id(place, '').length) ?? '';
      const { projection, generation } = place;
      const view = body === undefined ? undefined : encodedView.parse(JSON.parse(body));
      return { projection, generation, key, version, group, view };
    } catch (cause) {
      throw new CorruptDataError(`the item ${item['view']?.S} is no view of ${place.projection}`, { cause });
    }
  }
}

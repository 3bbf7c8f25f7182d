import {
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  type QueryCommandInput,
  type TransactWriteItem,
} from '@aws-sdk/client-dynamodb';
import { PayloadTooLargeError } from '../../../core/base/errors.ts';
import { hasEntry, type ListEntry } from '../../../core/projections/entries.ts';
import type { Parked } from '../../../core/projections/parked.ts';
import type { StoredView } from '../../../core/projections/projection.ts';
import type { EntryPage, PageOptions, ParkedPage, ViewPage, ViewStore } from '../../../core/projections/view-store.ts';
import { conditionHeld, DynamoStore, MAX_BATCH } from './store.ts';
import { BY_GROUP, BY_PARKED } from './tables.ts';
import { entryTransactions, listingOf, readEntry } from './view-entries.ts';
import {
  placeId,
  readKey,
  readParkedItem,
  readViewItem,
  toViewItem,
  unchangedCondition,
  type ViewPlace,
} from './view-item.ts';

/** An index and its partition key. */
type Index = readonly [name: string, partition: string];
const GROUPS: Index = [BY_GROUP, 'listing'];
const PARKED: Index = [BY_PARKED, 'parkedIn'];

/** Views in DynamoDB, one item each; see {@link viewsTable}. A page of a list has at most 100 views. */
export class DynamoViewStore extends DynamoStore implements ViewStore {
  async get(projection: string, generation: number, key: string): Promise<StoredView | undefined> {
    const place = { projection, generation };
    const Key = { view: { S: this.#id(place, key) } };
    const get = new GetItemCommand({ TableName: this.table, Key, ConsistentRead: true });
    const { Item } = await this.send(get);
    return Item && readViewItem(Item, place, this.tenant);
  }

  async put(
    view: StoredView,
    expectedVersion: number,
    expectedMark?: Parked,
    entries: readonly ListEntry[] = view.entries ?? [],
  ): Promise<boolean> {
    const { table, tenant } = this;
    const transactions = entryTransactions({ table, tenant, view, expectedVersion, expectedMark, entries });
    if (!transactions) {
      const { surplus } = view;
      const Item = toViewItem(view, tenant);
      const found = unchangedCondition({ expectedVersion, expectedMark, surplus });
      return conditionHeld(this.send(new PutItemCommand({ TableName: table, Item, ...found })));
    }
    for (const write of transactions.write) if (!(await this.#written(view, write))) return false;
    for (const clear of transactions.clear) if (!(await this.#written(view, clear))) break; // another writer does it
    return true;
  }

  /** @returns whether all conditions held */
  async #written({ projection, key }: StoredView, items: TransactWriteItem[]): Promise<boolean> {
    const reasons = await this.writeAll(items);
    if (!reasons) return true;
    if (reasons.some(({ Code }) => Code === 'ConditionalCheckFailed')) return false;
    throw new PayloadTooLargeError(`view ${key} of ${projection} is too large with its entries`);
  }

  async list(projection: string, generation: number, group: string, { limit, after }: PageOptions): Promise<ViewPage> {
    if (group === '') return { views: [] };
    const place = { projection, generation };
    const size = Math.min(limit, MAX_BATCH);
    const page = { Limit: size + 1 }; // a further view shows that a page follows
    const { Items = [] } = await this.#query(GROUPS, this.#id(place, group), after, page);
    const keys = Items.slice(0, size).map((item) => readKey(item, place));
    const views = (await this.#views(place, keys))
      .filter((view) => view.group === group) // the view may have left the group since the index was written
      .toSorted((a, b) => (a.key < b.key ? -1 : 1));
    const next = Items.length > size ? keys.at(-1) : undefined;
    return next === undefined ? { views } : { views, next };
  }

  async listed(
    projection: string,
    generation: number,
    list: string,
    { limit, after }: PageOptions,
  ): Promise<EntryPage> {
    const place = { projection, generation };
    const size = Math.min(limit, MAX_BATCH);
    const { Items = [] } = await this.#query(GROUPS, listingOf(this.tenant, place, list), after, { Limit: size + 1 });
    const found = Items.slice(0, size).map((item) => readEntry(item, place));
    const keys = new Set(found.map(({ key }) => key)); // a view that moved may show twice
    const views = new Map((await this.#views(place, [...keys])).map((view) => [view.key, view]));
    const listed = found.flatMap(({ order, key }) => {
      const view = views.get(key);
      return view && hasEntry(view.entries, { list, order }) ? [{ order, view }] : [];
    });
    const last = found.at(-1);
    return Items.length > size && last ? { listed, next: last.place } : { listed };
  }

  async listParked(projection: string, generation: number, { limit, after }: PageOptions): Promise<ParkedPage> {
    const place = { projection, generation };
    const size = Math.min(limit, MAX_BATCH);
    const { Items = [] } = await this.#query(PARKED, this.#id(place), after, { Limit: size + 1 });
    const views = Items.slice(0, size).map((item) => readParkedItem(item, place));
    const last = views.at(-1);
    return Items.length > size && last ? { views, next: last.key } : { views };
  }

  async countParked(projection: string, generation: number): Promise<number> {
    let count = 0;
    let startKey: QueryCommandInput['ExclusiveStartKey'];
    do {
      const page = { Select: 'COUNT', ExclusiveStartKey: startKey } as const;
      const { Count, LastEvaluatedKey } = await this.#query(
        PARKED,
        this.#id({ projection, generation }),
        undefined,
        page,
      );
      count += Count ?? 0;
      startKey = LastEvaluatedKey;
    } while (startKey);
    return count;
  }

  /** The views of up to 100 different keys, in no order. */
  async #views(place: ViewPlace, keys: readonly string[]): Promise<StoredView[]> {
    const items = await this.batchGet({ Keys: keys.map((key) => ({ view: { S: this.#id(place, key) } })) });
    return items.map((item) => readViewItem(item, place, this.tenant));
  }

  #query([index, partition]: Index, id: string, after: string | undefined, more: Partial<QueryCommandInput>) {
    const query = new QueryCommand({
      TableName: this.table,
      IndexName: index,
      KeyConditionExpression: after === undefined ? '#in = :in' : '#in = :in AND #key > :after',
      ExpressionAttributeNames: { '#in': partition, ...(after === undefined ? {} : { '#key': 'key' }) },
      ExpressionAttributeValues: { ':in': { S: id }, ...(after === undefined ? {} : { ':after': { S: after } }) },
      ...more,
    });
    return this.send(query);
  }

  #id(place: ViewPlace, name?: string): string {
    return placeId(this.tenant, place, name);
  }
}

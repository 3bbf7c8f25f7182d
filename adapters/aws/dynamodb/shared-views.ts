import {
  type AttributeValue,
  DeleteItemCommand,
  QueryCommand,
  type QueryCommandInput,
  type TransactWriteItem,
} from '@aws-sdk/client-dynamodb';
import { PayloadTooLargeError } from '../../../core/base/errors.ts';
import { shownCount } from '../../../core/projections/shared-projection.ts';
import type {
  Addition,
  CheckpointWrite,
  CounterValues,
  Ranked,
  SharedPlace,
  SharedViewStore,
} from '../../../core/projections/shared-view-store.ts';
import { DynamoStore, type Item } from './store.ts';
import { BY_GROUP, BY_RANK } from './tables.ts';
import { placeId, readKey, toViewItem, unchangedCondition } from './view-item.ts';

/** A counter is an attribute named by its path. Only the names of counters start with a slash. */
const isCounter = (name: string): boolean => name.startsWith('/');

/**
 * Shared views in the table of views. Each shard is an item and each counter an attribute, so that `ADD` needs no read. A
 * transaction writes shards and checkpoints together, at two write units an item.
 */
export class DynamoSharedViews extends DynamoStore implements SharedViewStore {
  async add(checkpoints: readonly CheckpointWrite[], addition: Addition): Promise<boolean> {
    const TransactItems = [
      ...checkpoints.map((write) => this.#checkpoint(write)),
      ...[...addition.increments].map(([key, counters]) => this.#increment(addition, key, counters)),
    ];
    const reasons = await this.writeAll(TransactItems);
    if (!reasons) return true;
    if (reasons.some(({ Code }) => Code === 'ConditionalCheckFailed')) return false;
    throw new PayloadTooLargeError('a shared view is full; count fewer names');
  }

  async read(place: SharedPlace, key: string, shards: number): Promise<CounterValues | undefined> {
    const Keys = Array.from({ length: shards }, (_, shard) => ({ view: { S: this.#id(place, key, shard) } }));
    const items = await this.batchGet({ Keys, ConsistentRead: true });
    return items.length === 0 ? undefined : sumCounters(items);
  }

  async top(place: SharedPlace, _rank: string, limit: number): Promise<readonly Ranked[]> {
    const query = new QueryCommand({
      TableName: this.table,
      IndexName: BY_RANK,
      KeyConditionExpression: 'board = :board',
      ExpressionAttributeValues: { ':board': { S: placeId(this.tenant, place) } },
      ScanIndexForward: false,
      Limit: limit,
    });
    const { Items = [] } = await this.send(query);
    const keys = Items.map((item) => readKey(item, place));
    const items = await this.batchGet({
      Keys: keys.map((key) => ({ view: { S: this.#id(place, key, 0) } })),
    });
    const byKey = new Map(items.map((item) => [readKey(item, place), sumCounters([item])]));
    return keys.flatMap((key) => {
      const counters = byKey.get(key);
      return counters ? [{ key, counters }] : [];
    });
  }

  async *keys(place: SharedPlace): AsyncIterable<string> {
    let last: string | undefined;
    for await (const item of this.#items(place)) {
      const key = readKey(item, place);
      if (key !== last) yield key; // the shards of a view stand together
      last = key;
    }
  }

  async remove(place: SharedPlace): Promise<void> {
    for await (const { view } of this.#items(place)) {
      if (!view) continue;
      await this.send(new DeleteItemCommand({ TableName: this.table, Key: { view } }));
    }
  }

  #checkpoint({ next, expectedVersion, expectedMark }: CheckpointWrite): TransactWriteItem {
    const condition = unchangedCondition({ expectedVersion, expectedMark });
    return { Put: { TableName: this.table, Item: toViewItem(next, this.tenant), ...condition } };
  }

  #increment(
    { shard, rank, ...place }: Addition,
    key: string,
    counters: ReadonlyMap<string, bigint>,
  ): TransactWriteItem {
    const names: Record<string, string> = { '#key': 'key', '#listing': 'listing' };
    const values: Record<string, AttributeValue> = { ':key': { S: key }, ':listing': { S: this.#listing(place) } };
    const set = ['#key = :key', '#listing = :listing'];
    const score = rank === undefined ? undefined : counters.get(`/${rank}`);
    if (rank !== undefined) {
      set.push('board = :board');
      values[':board'] = { S: placeId(this.tenant, place) };
    }
    const amounts = [...counters, ...(score === undefined ? [] : [['score', score] as const])];
    const add = amounts.map(([path, amount], index) => {
      names[`#c${index}`] = path;
      values[`:c${index}`] = { N: String(amount) };
      return `#c${index} :c${index}`;
    });
    return {
      Update: {
        TableName: this.table,
        Key: { view: { S: this.#id(place, key, shard) } },
        UpdateExpression: `SET ${set.join(', ')} ADD ${add.join(', ')}`,
        ExpressionAttributeNames: names,
        ExpressionAttributeValues: values,
      },
    };
  }

  async *#items(place: SharedPlace): AsyncIterable<Item> {
    let startKey: QueryCommandInput['ExclusiveStartKey'];
    do {
      const query = new QueryCommand({
        TableName: this.table,
        IndexName: BY_GROUP,
        KeyConditionExpression: 'listing = :listing',
        ExpressionAttributeValues: { ':listing': { S: this.#listing(place) } },
        ExclusiveStartKey: startKey,
      });
      const { Items = [], LastEvaluatedKey } = await this.send(query);
      yield* Items;
      startKey = LastEvaluatedKey;
    } while (startKey);
  }

  /** The equals sign keeps shards apart from checkpoints, whose keys never start with it. */
  #id(place: SharedPlace, key: string, shard: number): string {
    return placeId(this.tenant, place, `=${key}/${shard}`);
  }

  #listing(place: SharedPlace): string {
    return placeId(this.tenant, place, '=');
  }
}

function sumCounters(items: readonly Item[]): CounterValues {
  const sums = new Map<string, bigint>();
  for (const item of items) {
    for (const [name, value] of Object.entries(item)) {
      if (isCounter(name)) sums.set(name, (sums.get(name) ?? 0n) + BigInt(value.N ?? 0));
    }
  }
  return new Map([...sums].map(([name, sum]) => [name, shownCount(sum)]));
}

import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { DeleteCommand, GetCommand, PutCommand, QueryCommand, TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { CorruptDataError } from '../../../core/base/errors.ts';
import type { JsonObject } from '../../../core/events/json.ts';
import {
  type ControlItem,
  type ControlListOptions,
  type ControlPage,
  type ControlStore,
  type ControlWrite,
  encodeControl,
} from '../../../core/store/control-store.ts';
import { ConflictError } from '../clients/service-error.ts';
import { type DocumentItem, DocumentStore } from './document-store.ts';
import { conditionHeld, MAX_BATCH } from './store.ts';
import { BY_KIND } from './tables.ts';

const controlItem = z.object({
  id: z.string().min(1),
  revision: z.int().positive(),
  content: z.string().transform((json): JsonObject => JSON.parse(json)),
});

/** Control items in DynamoDB; see {@link controlTable}. A page of a list has at most 100 items. */
export class DynamoControlStore extends DocumentStore implements ControlStore {
  async get(kind: string, id: string): Promise<ControlItem | undefined> {
    const get = new GetCommand({ TableName: this.table, Key: this.#key(kind, id), ConsistentRead: true });
    const { Item } = await this.sendDocuments((documents) => documents.send(get));
    return Item && readControlItem(kind, Item);
  }

  async put(kind: string, id: string, content: JsonObject, expectedRevision: number): Promise<boolean> {
    const put = new PutCommand(this.#put(kind, id, content, expectedRevision));
    return conditionHeld(this.sendDocuments((documents) => documents.send(put)));
  }

  remove(kind: string, id: string, expectedRevision: number): Promise<boolean> {
    const remove = new DeleteCommand(this.#remove(kind, id, expectedRevision));
    return conditionHeld(this.sendDocuments((documents) => documents.send(remove)));
  }

  /** Another write of an item at the same time cancels the transaction, too: the caller reads the items again. */
  async writeTogether(writes: readonly ControlWrite[]): Promise<boolean> {
    const TransactItems = writes.map(({ kind, id, content, expectedRevision }) =>
      content
        ? { Put: this.#put(kind, id, content, expectedRevision) }
        : { Delete: this.#remove(kind, id, expectedRevision) },
    );
    return this.sendDocuments(async (documents) => {
      try {
        await documents.send(new TransactWriteCommand({ TransactItems }));
        return true;
      } catch (error) {
        if (!(error instanceof TransactionCanceledException)) throw error;
        if (error.CancellationReasons?.some(({ Code }) => LOST.has(Code ?? ''))) return false;
        throw new ConflictError('DynamoDB is too busy for a change of several items; repeat it later', {
          cause: error,
        });
      }
    });
  }

  async list(kind: string, { limit, prefix = '', after = '' }: ControlListOptions): Promise<ControlPage> {
    const size = Math.min(limit, MAX_BATCH);
    const found = await this.#ids(kind, prefix, after, size + 1); // a further id shows that a page follows
    const ids = found.slice(0, size);
    const fetched = await this.batchGetDocuments({ Keys: ids.map((id) => this.#key(kind, id)) });
    const items = fetched.map((item) => readControlItem(kind, item)).toSorted((a, b) => (a.id < b.id ? -1 : 1));
    const next = found.length > size ? ids.at(-1) : undefined;
    return next === undefined ? { items } : { items, next };
  }

  #key(kind: string, id: string) {
    return { item: this.key(kind, id) };
  }

  #put(kind: string, id: string, content: JsonObject, expectedRevision: number) {
    const Item = {
      ...this.#key(kind, id),
      kind: this.key(kind),
      id,
      revision: expectedRevision + 1,
      content: encodeControl(kind, id, content),
    };
    return { TableName: this.table, Item, ...stillAt(expectedRevision) };
  }

  #remove(kind: string, id: string, expectedRevision: number) {
    return { TableName: this.table, Key: this.#key(kind, id), ...stillAt(expectedRevision) };
  }

  /** A sort key takes a single condition: a range from the id before the page to the last id that the prefix allows. */
  async #ids(kind: string, prefix: string, after: string, limit: number): Promise<string[]> {
    const last = `${prefix}\u{10FFFF}`;
    if (after >= last) return [];
    const first = after > prefix ? after : prefix || '\u0000';
    const query = new QueryCommand({
      TableName: this.table,
      IndexName: BY_KIND,
      KeyConditionExpression: '#kind = :kind AND #id BETWEEN :first AND :last',
      ExpressionAttributeNames: { '#kind': 'kind', '#id': 'id' },
      ExpressionAttributeValues: { ':kind': this.key(kind), ':first': first, ':last': last },
      Limit: limit + 1, // the range starts with `after` itself
    });
    const { Items = [] } = await this.sendDocuments((documents) => documents.send(query));
    const ids = Items.map((item) => controlItem.pick({ id: true }).parse(item).id);
    return ids.filter((id) => id > after).slice(0, limit);
  }
}

/** Reasons that cancel a transaction because another writer was faster. */
const LOST = new Set(['ConditionalCheckFailed', 'TransactionConflict']);

const stillAt = (revision: number) =>
  revision === 0
    ? { ConditionExpression: 'attribute_not_exists(#revision)', ExpressionAttributeNames: { '#revision': 'revision' } }
    : {
        ConditionExpression: '#revision = :expected',
        ExpressionAttributeNames: { '#revision': 'revision' },
        ExpressionAttributeValues: { ':expected': revision },
      };

/** @throws CorruptDataError that names the item */
function readControlItem(kind: string, item: DocumentItem): ControlItem {
  try {
    return { kind, ...controlItem.parse(item) };
  } catch (cause) {
    throw new CorruptDataError(`the item ${item['item']} is no ${kind}`, { cause });
  }
}

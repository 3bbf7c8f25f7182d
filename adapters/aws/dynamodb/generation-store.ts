import { BatchWriteCommand, type BatchWriteCommandInput, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { ExponentialBackoff, handleType, retry } from 'cockatiel';
import * as z from 'zod';
import { CorruptDataError, UnavailableError } from '../../../core/base/errors.ts';
import type { PageOptions } from '../../../core/projections/view-store.ts';
import type { CheckpointPage, GenerationStore } from '../../../core/replays/generation-store.ts';
import { type DocumentItem, DocumentStore } from './document-store.ts';
import { MAX_BATCH } from './store.ts';
import { BY_GROUP } from './tables.ts';
import { entryId } from './view-entries.ts';
import { entriesText, placeId, type ViewPlace } from './view-item.ts';

/** DynamoDB writes at most this many items at once. */
const MAX_BATCH_WRITE = 25;

const entriesItem = z.object({
  key: z.string().min(1),
  entries: entriesText.default([]),
  surplus: entriesText.default([]),
});
const checkpointItem = z.object({ key: z.string().min(1), version: z.int().nonnegative() });

/** DynamoDB was busy and left a part of a batch undone. That part is sent again after a pause. */
class LeftOverError extends UnavailableError {
  override get name(): string {
    return 'LeftOverError';
  }
}
const untilDone = retry(handleType(LeftOverError), {
  maxAttempts: 20,
  backoff: new ExponentialBackoff({ initialDelay: 20, maxDelay: 2_000 }),
});

/** Checkpoints and removal of whole generations of views in DynamoDB; see {@link viewsTable}. */
export class DynamoGenerationStore extends DocumentStore implements GenerationStore {
  async checkpoints(
    projection: string,
    generation: number,
    group: string,
    { limit, after }: PageOptions,
  ): Promise<CheckpointPage> {
    const place = { projection, generation };
    const size = Math.min(limit, MAX_BATCH);
    const keys = await this.#keys(place, group, size + 1, after); // a further key shows that a page follows
    const listed = keys.slice(0, size);
    const versions = await this.versions(projection, generation, listed);
    const checkpoints = listed.flatMap((key) => {
      const version = versions.get(key);
      return version === undefined ? [] : [{ key, version }]; // removed since the index was written
    });
    const next = keys.length > size ? listed.at(-1) : undefined;
    return next === undefined ? { checkpoints } : { checkpoints, next };
  }

  async versions(projection: string, generation: number, keys: readonly string[]): Promise<Map<string, number>> {
    const place = { projection, generation };
    const items = await this.batchGetDocuments({
      Keys: this.#ids(place, keys),
      ConsistentRead: true,
      ProjectionExpression: '#view, #key, #version',
      ExpressionAttributeNames: { '#view': 'view', '#key': 'key', '#version': 'version' },
    });
    return new Map(items.map((item) => parsed(checkpointItem, item, place)).map(({ key, version }) => [key, version]));
  }

  async remove(projection: string, generation: number, keys: readonly string[]): Promise<void> {
    const place = { projection, generation };
    const ids = this.#ids(place, keys);
    // The entries go first: a repeat finds the rest by the views.
    const requests = [...(await this.#entries(place, ids)), ...ids].map((Key) => ({ DeleteRequest: { Key } }));
    for (let start = 0; start < requests.length; start += MAX_BATCH_WRITE) {
      await this.#write(requests.slice(start, start + MAX_BATCH_WRITE));
    }
  }

  /** The keys of the items of entries. */
  async #entries(place: ViewPlace, ids: readonly { readonly view: string }[]) {
    const items = await this.batchGetDocuments({
      Keys: [...ids],
      ConsistentRead: true,
      ProjectionExpression: '#view, #key, entries, surplus',
      ExpressionAttributeNames: { '#view': 'view', '#key': 'key' },
    });
    return items
      .map((item) => parsed(entriesItem, item, place))
      .flatMap(({ key, entries, surplus }) =>
        [...entries, ...surplus].map((entry) => entryId(this.tenant, { ...place, key }, entry)),
      )
      .map((view) => ({ view }));
  }

  async #write(requests: NonNullable<BatchWriteCommandInput['RequestItems']>[string]): Promise<void> {
    let pending = requests;
    await untilDone.execute(async () => {
      const write = new BatchWriteCommand({ RequestItems: { [this.table]: pending } });
      const { UnprocessedItems } = await this.sendDocuments((documents) => documents.send(write));
      pending = UnprocessedItems?.[this.table] ?? [];
      if (pending.length > 0) throw new LeftOverError('DynamoDB is too busy to remove views; repeat it later');
    });
  }

  async #keys(place: ViewPlace, group: string, limit: number, after: string | undefined): Promise<string[]> {
    const query = new QueryCommand({
      TableName: this.table,
      IndexName: BY_GROUP,
      KeyConditionExpression: after === undefined ? '#listing = :listing' : '#listing = :listing AND #key > :after',
      ExpressionAttributeNames: { '#listing': 'listing', ...(after === undefined ? {} : { '#key': 'key' }) },
      ExpressionAttributeValues: {
        ':listing': placeId(this.tenant, place, group),
        ...(after === undefined ? {} : { ':after': after }),
      },
      Limit: limit,
    });
    const { Items = [] } = await this.sendDocuments((documents) => documents.send(query));
    return Items.map((item) => parsed(checkpointItem.pick({ key: true }), item, place).key);
  }

  #ids(place: ViewPlace, keys: readonly string[]) {
    return keys.map((key) => ({ view: placeId(this.tenant, place, key) }));
  }
}

/** @throws CorruptDataError that names the view */
function parsed<S extends z.ZodType>(schema: S, item: DocumentItem, { projection }: ViewPlace): z.output<S> {
  try {
    return schema.parse(item);
  } catch (cause) {
    throw new CorruptDataError(`the item ${item['view']} is no view of ${projection}`, { cause });
  }
}

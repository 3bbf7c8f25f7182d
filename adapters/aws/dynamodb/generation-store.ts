import {
  BatchWriteItemCommand,
  type BatchWriteItemCommandInput,
  type DynamoDBClient,
  QueryCommand,
} from '@aws-sdk/client-dynamodb';
import { ExponentialBackoff, handleType, retry } from 'cockatiel';
import { UnavailableError } from '../../../core/base/errors.ts';
import type { PageOptions } from '../../../core/projections/view-store.ts';
import type { CheckpointPage, GenerationStore } from '../../../core/replays/generation-store.ts';
import { reaching } from '../clients/service-error.ts';
import { batchGet } from './batch-get.ts';
import { BY_GROUP, DEFAULT_TENANT } from './tables.ts';
import { checkpointOf, type Item, keyOf, placeId, type ViewKey } from './view-item.ts';

/** DynamoDB fetches at most 100 items at once, and writes 25. */
const MAX_FETCHED = 100;
const MAX_WRITTEN = 25;

/** DynamoDB had too much to do and left some of a batch undone: that is asked for again, after a pause. */
class LeftOverError extends UnavailableError {}
const untilDone = retry(handleType(LeftOverError), {
  maxAttempts: 20,
  backoff: new ExponentialBackoff({ initialDelay: 20, maxDelay: 2_000 }),
});

/** The views of a generation in DynamoDB, all together; see {@link viewsTable}. */
export class DynamoGenerationStore implements GenerationStore {
  readonly #client: DynamoDBClient;
  readonly #table: string;
  readonly #tenant: string;

  constructor(client: DynamoDBClient, table: string, tenant = DEFAULT_TENANT) {
    this.#client = client;
    this.#table = table;
    this.#tenant = tenant;
  }

  async checkpoints(
    projection: string,
    generation: number,
    group: string,
    { limit, after }: PageOptions,
  ): Promise<CheckpointPage> {
    const place = { projection, generation };
    const size = Math.min(limit, MAX_FETCHED);
    const keys = await this.#keys(place, group, size + 1, after); // one more tells whether a page follows
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
    const items = await batchGet(this.#client, this.#table, {
      Keys: this.#ids(place, keys),
      ConsistentRead: true,
      ProjectionExpression: '#view, #key, #version',
      ExpressionAttributeNames: { '#view': 'view', '#key': 'key', '#version': 'version' },
    });
    return new Map(items.map((item) => checkpointOf(item, place)).map(({ key, version }) => [key, version]));
  }

  async remove(projection: string, generation: number, keys: readonly string[]): Promise<void> {
    const ids = this.#ids({ projection, generation }, keys);
    const requests = ids.map((Key) => ({ DeleteRequest: { Key } }));
    for (let start = 0; start < requests.length; start += MAX_WRITTEN) {
      await this.#write(requests.slice(start, start + MAX_WRITTEN));
    }
  }

  async #write(requests: NonNullable<BatchWriteItemCommandInput['RequestItems']>[string]): Promise<void> {
    let pending = requests;
    await untilDone.execute(async () => {
      const write = new BatchWriteItemCommand({ RequestItems: { [this.#table]: pending } });
      const { UnprocessedItems } = await reaching('DynamoDB', () => this.#client.send(write));
      pending = UnprocessedItems?.[this.#table] ?? [];
      if (pending.length > 0) throw new LeftOverError('DynamoDB is too busy to remove views; repeat it later');
    });
  }

  async #keys(place: ViewKey, group: string, limit: number, after: string | undefined): Promise<string[]> {
    const query = new QueryCommand({
      TableName: this.#table,
      IndexName: BY_GROUP,
      KeyConditionExpression: after === undefined ? '#listing = :listing' : '#listing = :listing AND #key > :after',
      ExpressionAttributeNames: { '#listing': 'listing', ...(after === undefined ? {} : { '#key': 'key' }) },
      ExpressionAttributeValues: {
        ':listing': { S: placeId(this.#tenant, place, group) },
        ...(after === undefined ? {} : { ':after': { S: after } }),
      },
      Limit: limit,
    });
    const { Items } = await reaching('DynamoDB', () => this.#client.send(query));
    return (Items ?? []).map((item) => keyOf(item, place));
  }

  #ids(place: ViewKey, keys: readonly string[]): Item[] {
    return keys.map((key) => ({ view: { S: placeId(this.#tenant, place, key) } }));
  }
}

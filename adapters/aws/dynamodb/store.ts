import {
  type $Command,
  type AttributeValue,
  BatchGetItemCommand,
  type CancellationReason,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  type DynamoDBClientResolvedConfig,
  type KeysAndAttributes,
  type ServiceInputTypes,
  type ServiceOutputTypes,
  TransactionCanceledException,
  type TransactWriteItem,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import { ExponentialBackoff } from 'cockatiel';
import { ulid } from 'ulid';
import { UnavailableError } from '../../../core/base/errors.ts';
import { pause } from '../../../core/base/pause.ts';
import { ConflictError, callService } from '../clients/service-error.ts';
import { DEFAULT_TENANT } from './tables.ts';

/** An item as DynamoDB stores it: each attribute with its type. */
export type Item = Record<string, AttributeValue>;

/** DynamoDB fetches at most this many items at once. */
export const MAX_BATCH = 100;

/** Reasons that cancel a transaction for good. The other reasons are concurrent writes and throttling, which pass. */
const LASTING = new Set(['ConditionalCheckFailed', 'ValidationError', 'ItemCollectionSizeLimitExceeded']);

/** The base of every store in DynamoDB: a client, a table, and the tenant whose items the store reads and writes. */
export abstract class DynamoStore {
  protected readonly client: DynamoDBClient;
  protected readonly table: string;
  protected readonly tenant: string;

  constructor(client: DynamoDBClient, table: string, tenant = DEFAULT_TENANT) {
    this.client = client;
    this.table = table;
    this.tenant = tenant;
  }

  /** A partition key of the tenant. */
  protected key(...parts: readonly (string | number)[]): string {
    return [this.tenant, ...parts].join('/');
  }

  /** @throws UnavailableError on every outage; see {@link callService} */
  protected send<Input extends ServiceInputTypes, Output extends ServiceOutputTypes>(
    command: $Command<Input, Output, DynamoDBClientResolvedConfig>,
  ): Promise<Output> {
    return callService('DynamoDB', () => this.client.send(command));
  }

  /**
   * Writes all of these items or none, in a single request. Repeats the request while concurrent writes hold an item.
   * @returns undefined when all items were written, else the reason for each item, in the order of the items
   * @throws UnavailableError when the contention does not end, and on every outage
   */
  protected writeAll(TransactItems: TransactWriteItem[]): Promise<readonly CancellationReason[] | undefined> {
    return callService('DynamoDB', async () => {
      try {
        // A retry of the client after a lost reply writes nothing again. A cancelled request wrote nothing, so the next
        // attempt has a token of its own.
        const ClientRequestToken = ulid();
        await this.client.send(new TransactWriteItemsCommand({ TransactItems, ClientRequestToken }));
        return undefined;
      } catch (error) {
        if (!(error instanceof TransactionCanceledException)) throw error;
        const reasons = error.CancellationReasons ?? [];
        if (reasons.some(({ Code }) => LASTING.has(Code ?? ''))) return reasons;
        throw new ConflictError('DynamoDB is busy with writes of the same items; repeat it later', { cause: error });
      }
    });
  }

  /**
   * Fetches up to {@link MAX_BATCH} items, in no order. Items that do not exist are left out. An answer has at most 16 MB
   * and at least one item, so the method asks until it has them all.
   * @throws UnavailableError on every outage
   */
  protected batchGet(request: KeysAndAttributes): Promise<Item[]> {
    return fetchAll<Item, KeysAndAttributes>(this.table, request, (RequestItems) =>
      this.send(new BatchGetItemCommand({ RequestItems })),
    );
  }
}

/** Waits for a conditional write. @returns false when its condition did not hold, so that nothing was written */
export async function conditionHeld(write: Promise<unknown>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}

/** Pauses before the rest of a batch is fetched: a table that is throttled answers a request at once with as little as before. */
const LEFT_OVER = new ExponentialBackoff({ initialDelay: 10, maxDelay: 200 });

/**
 * Fetches a batch from a table, and fetches unprocessed keys again until none are left. DynamoDB leaves keys when an answer is
 * over 16 MB, and when the table is busy.
 * @param wait waits so many milliseconds, where time is simulated
 * @throws UnavailableError when an answer brings nothing
 */
export async function fetchAll<Found, Request extends { readonly Keys?: readonly unknown[] | undefined }>(
  table: string,
  request: Request,
  fetch: (requests: Record<string, Request>) => Promise<{
    readonly Responses?: Record<string, Found[]> | undefined;
    readonly UnprocessedKeys?: Record<string, Request> | undefined;
  }>,
  wait: (ms: number) => Promise<void> = pause,
): Promise<Found[]> {
  const items: Found[] = [];
  let backoff = LEFT_OVER.next();
  for (let pending: Request | undefined = request; pending?.Keys?.length; ) {
    const { Responses, UnprocessedKeys } = await fetch({ [table]: pending });
    items.push(...(Responses?.[table] ?? []));
    const left: Request | undefined = UnprocessedKeys?.[table];
    if (!left?.Keys?.length) break;
    if (left.Keys.length >= pending.Keys.length) {
      throw new UnavailableError('DynamoDB is too busy to read a batch of items; repeat it later');
    }
    await wait(backoff.duration);
    backoff = backoff.next(undefined);
    pending = left;
  }
  return items;
}

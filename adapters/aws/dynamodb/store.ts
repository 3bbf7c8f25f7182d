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
import { ConflictError, reaching } from '../clients/service-error.ts';
import { DEFAULT_TENANT } from './tables.ts';

/** An item as DynamoDB has it, each attribute with its type. */
export type Item = Record<string, AttributeValue>;

/** DynamoDB fetches at most this many items at once. */
export const MAX_BATCH = 100;

/** What cancels a transaction for good; each other reason is a write beside it, or throttling, and passes. */
const LASTING = new Set(['ConditionalCheckFailed', 'ValidationError', 'ItemCollectionSizeLimitExceeded']);

/** A table, and whose items of it are meant: every store in DynamoDB is one. */
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

  /** @throws UnavailableError on every outage; see {@link reaching} */
  protected send<Input extends ServiceInputTypes, Output extends ServiceOutputTypes>(
    command: $Command<Input, Output, DynamoDBClientResolvedConfig>,
  ): Promise<Output> {
    return reaching('DynamoDB', () => this.client.send(command));
  }

  /**
   * Writes all of these items or none, in one request; again while others have one of them in hand.
   * @returns undefined when they were written, else why not, for each item in its order
   * @throws UnavailableError when the contention does not end, and on every outage
   */
  protected transact(TransactItems: TransactWriteItem[]): Promise<readonly CancellationReason[] | undefined> {
    return reaching('DynamoDB', async () => {
      try {
        await this.client.send(new TransactWriteItemsCommand({ TransactItems }));
        return undefined;
      } catch (error) {
        if (!(error instanceof TransactionCanceledException)) throw error;
        const reasons = error.CancellationReasons ?? [];
        if (reasons.some(({ Code }) => LASTING.has(Code ?? ''))) return reasons;
        throw new ConflictError('many write to the same items at once; repeat the request later', { cause: error });
      }
    });
  }

  /**
   * Fetches up to {@link MAX_BATCH} items, in no order; those that are not there are left out. Asks until nothing is left over:
   * an answer has at least one item and at most 16 MB of them.
   */
  protected batchGet(wanted: KeysAndAttributes): Promise<Item[]> {
    return fetchAll<Item, KeysAndAttributes>(this.table, wanted, (RequestItems) =>
      this.send(new BatchGetItemCommand({ RequestItems })),
    );
  }
}

/** @returns whether a conditional write was made; false when its condition did not hold */
export async function whether(write: Promise<unknown>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}

/** Asks for a batch, and for what is left over of it, until nothing is. */
export async function fetchAll<One, Wanted extends { readonly Keys?: readonly unknown[] | undefined }>(
  table: string,
  wanted: Wanted,
  fetch: (request: Record<string, Wanted>) => Promise<{
    readonly Responses?: Record<string, One[]> | undefined;
    readonly UnprocessedKeys?: Record<string, Wanted> | undefined;
  }>,
): Promise<One[]> {
  const items: One[] = [];
  let pending: Wanted | undefined = wanted;
  while (pending?.Keys?.length) {
    const { Responses, UnprocessedKeys } = await fetch({ [table]: pending });
    items.push(...(Responses?.[table] ?? []));
    pending = UnprocessedKeys?.[table];
  }
  return items;
}

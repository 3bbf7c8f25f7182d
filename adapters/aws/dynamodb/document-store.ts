import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { BatchGetCommand, type BatchGetCommandInput, DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { reaching } from '../clients/service-error.ts';
import { DynamoStore, fetchAll } from './store.ts';

/** An item as plain values. */
export type DocumentItem = Record<string, unknown>;
type Wanted = NonNullable<BatchGetCommandInput['RequestItems']>[string];

/**
 * A store whose items are plain values and whose calls are few, so that the document client's marshalling does not count. Stores of
 * bodies in bytes, and those on the way of every event, write attribute values themselves.
 */
export abstract class DocumentStore extends DynamoStore {
  readonly #documents: DynamoDBDocumentClient;

  constructor(client: DynamoDBClient, table: string, tenant?: string) {
    super(client, table, tenant);
    this.#documents = DynamoDBDocumentClient.from(client);
  }

  /** @throws UnavailableError on every outage; see {@link reaching} */
  protected ask<T>(call: (documents: DynamoDBDocumentClient) => Promise<T>): Promise<T> {
    return reaching('DynamoDB', () => call(this.#documents));
  }

  /** As {@link DynamoStore.batchGet}, with plain values. */
  protected batchGetDocuments(wanted: Wanted): Promise<DocumentItem[]> {
    return fetchAll<DocumentItem, Wanted>(this.table, wanted, (RequestItems) =>
      this.ask((documents) => documents.send(new BatchGetCommand({ RequestItems }))),
    );
  }
}

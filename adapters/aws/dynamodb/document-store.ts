import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { BatchGetCommand, type BatchGetCommandInput, DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { callService } from '../clients/service-error.ts';
import { DynamoStore, fetchAll } from './store.ts';

/** An item as plain values. */
export type DocumentItem = Record<string, unknown>;
type BatchRequest = NonNullable<BatchGetCommandInput['RequestItems']>[string];

/**
 * A store whose items are plain values and whose calls are few: the document client marshals them, which costs CPU. Stores
 * of bodies in bytes, and stores that each event passes, write attribute values themselves.
 */
export abstract class DocumentStore extends DynamoStore {
  readonly #documents: DynamoDBDocumentClient;

  constructor(client: DynamoDBClient, table: string, tenant?: string) {
    super(client, table, tenant);
    this.#documents = DynamoDBDocumentClient.from(client);
  }

  /** @throws UnavailableError on every outage; see {@link callService} */
  protected sendDocuments<T>(call: (documents: DynamoDBDocumentClient) => Promise<T>): Promise<T> {
    return callService('DynamoDB', () => call(this.#documents));
  }

  /** Does what {@link DynamoStore.batchGet} does, with plain values. */
  protected batchGetDocuments(request: BatchRequest): Promise<DocumentItem[]> {
    return fetchAll<DocumentItem, BatchRequest>(this.table, request, (RequestItems) =>
      this.sendDocuments((documents) => documents.send(new BatchGetCommand({ RequestItems }))),
    );
  }
}

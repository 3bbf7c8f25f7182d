import { DeleteCommand, GetCommand, PutCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import type { SagaToken, SagaTokens } from '../../../core/sagas/tokens.ts';
import { type DocumentItem, DocumentStore } from './document-store.ts';
import { conditionHeld } from './store.ts';

const text = z.string().min(1);
const tokenItem = z.object({
  sagaId: text,
  step: text,
  item: text,
  token: text,
  deadline: text,
  party: text.optional(),
});

/** DynamoDB keeps a token that was never removed for a week after its deadline. */
const KEPT_SECONDS = 7 * 24 * 3600;

/**
 * The tokens of outstanding answers in DynamoDB; see {@link sagaTokensTable}. A token is an item under its saga. An answer
 * that ends with its party has a second item under that party, without the token. Both are read consistently.
 */
export class DynamoSagaTokens extends DocumentStore implements SagaTokens {
  async put(waiting: SagaToken): Promise<void> {
    const expiresAt = Math.ceil(Date.parse(waiting.deadline) / 1_000) + KEPT_SECONDS;
    const { sagaId, step, item, token, party, deadline } = waiting;
    // The party's item comes first: whoever finds the token can also find the saga by its party.
    if (party !== undefined) await this.#put({ ...this.#partyKey(waiting, party), sagaId, expiresAt });
    const parts = { sagaId, step, item, token, deadline, ...(party === undefined ? {} : { party }) };
    await this.#put({ ...this.#key(waiting), ...parts, expiresAt });
  }

  async remove(known: SagaToken): Promise<void> {
    const remove = new DeleteCommand({
      TableName: this.table,
      Key: this.#key(known),
      ConditionExpression: '#token = :token',
      ExpressionAttributeNames: { '#token': 'token' },
      ExpressionAttributeValues: { ':token': known.token },
    });
    const removed = await conditionHeld(this.sendDocuments((documents) => documents.send(remove)));
    if (!removed || known.party === undefined) return;
    const party = new DeleteCommand({ TableName: this.table, Key: this.#partyKey(known, known.party) });
    await this.sendDocuments((documents) => documents.send(party));
  }

  async find(sagaId: string, step: string, item: string): Promise<SagaToken | undefined> {
    const Key = this.#key({ sagaId, step, item });
    const get = new GetCommand({ TableName: this.table, Key, ConsistentRead: true });
    const { Item } = await this.sendDocuments((documents) => documents.send(get));
    return Item && tokenItem.parse(Item);
  }

  async ofSaga(sagaId: string): Promise<readonly SagaToken[]> {
    const items = await this.#query(this.key('saga', sagaId));
    return items.map((item) => tokenItem.parse(item));
  }

  async waitingFor(party: string): Promise<readonly string[]> {
    const items = await this.#query(this.key('party', party));
    return [...new Set(items.map((item) => tokenItem.pick({ sagaId: true }).parse(item).sagaId))];
  }

  #key({ sagaId, step, item }: Pick<SagaToken, 'sagaId' | 'step' | 'item'>) {
    return { waits: this.key('saga', sagaId), place: `${step}/${item}` };
  }

  #partyKey({ sagaId, step, item }: SagaToken, party: string) {
    return { waits: this.key('party', party), place: `${sagaId}/${step}/${item}` };
  }

  async #put(Item: DocumentItem): Promise<void> {
    await this.sendDocuments((documents) => documents.send(new PutCommand({ TableName: this.table, Item })));
  }

  async #query(waits: string): Promise<DocumentItem[]> {
    const items: DocumentItem[] = [];
    let after: DocumentItem | undefined;
    do {
      const query: QueryCommand = new QueryCommand({
        TableName: this.table,
        KeyConditionExpression: 'waits = :waits',
        ExpressionAttributeValues: { ':waits': waits },
        ConsistentRead: true,
        ExclusiveStartKey: after,
      });
      const { Items = [], LastEvaluatedKey } = await this.sendDocuments((documents) => documents.send(query));
      items.push(...Items);
      after = LastEvaluatedKey;
    } while (after);
    return items;
  }
}

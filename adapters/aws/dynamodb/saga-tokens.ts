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
  parties: z.array(text).optional(),
  party: text.optional(),
});
/** Older tokens have a single party. */
const tokenOf = (item: DocumentItem): SagaToken => {
  const { party, parties = party === undefined ? [] : [party], ...token } = tokenItem.parse(item);
  return { ...token, parties };
};

/** DynamoDB keeps a token that was never removed for a week after its deadline. */
const KEPT_SECONDS = 7 * 24 * 3600;

/**
 * The tokens of outstanding answers in DynamoDB; see {@link sagaTokensTable}. A token is an item under its saga. An answer
 * that ends with a party has a further item under that party, without the token. All are read consistently.
 */
export class DynamoSagaTokens extends DocumentStore implements SagaTokens {
  async put(waiting: SagaToken): Promise<void> {
    const expiresAt = Math.ceil(Date.parse(waiting.deadline) / 1_000) + KEPT_SECONDS;
    const { sagaId, step, item, token, parties, deadline } = waiting;
    // The items of parties come first: whoever finds the token can also find the saga by its parties.
    await Promise.all(parties.map((party) => this.#put({ ...this.#partyKey(waiting, party), sagaId, expiresAt })));
    const parts = { sagaId, step, item, token, deadline, ...(parties.length === 0 ? {} : { parties }) };
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
    if (!removed) return;
    for (const party of known.parties) {
      const entry = new DeleteCommand({ TableName: this.table, Key: this.#partyKey(known, party) });
      await this.sendDocuments((documents) => documents.send(entry));
    }
  }

  async find(sagaId: string, step: string, item: string): Promise<SagaToken | undefined> {
    const Key = this.#key({ sagaId, step, item });
    const get = new GetCommand({ TableName: this.table, Key, ConsistentRead: true });
    const { Item } = await this.sendDocuments((documents) => documents.send(get));
    return Item && tokenOf(Item);
  }

  async ofSaga(sagaId: string): Promise<readonly SagaToken[]> {
    const items = await this.#query(this.key('saga', sagaId));
    return items.map(tokenOf);
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

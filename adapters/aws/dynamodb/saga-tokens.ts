import {
  type AttributeValue,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  paginateQuery,
} from '@aws-sdk/client-dynamodb';
import * as z from 'zod';
import type { SagaToken, SagaTokens } from '../../../core/sagas/tokens.ts';
import { reaching } from '../clients/service-error.ts';
import { DEFAULT_TENANT } from './tables.ts';

type Item = Record<string, AttributeValue>;

const text = z.object({ S: z.string().min(1) }).transform(({ S }) => S);
const tokenItem = z.object({
  sagaId: text,
  step: text,
  item: text,
  token: text,
  deadline: text,
  party: text.optional(),
});

/** How long after its deadline DynamoDB keeps what nobody fetched. */
const KEPT_SECONDS = 7 * 24 * 3600;

/**
 * The tokens of outstanding answers in DynamoDB; see {@link sagaTasksTable}. A token is an item under its saga. Where the
 * end of a party concerns it, there is a second item under that party, without the token. Both are read consistently.
 */
export class DynamoSagaTokens implements SagaTokens {
  readonly #client: DynamoDBClient;
  readonly #table: string;
  readonly #tenant: string;

  constructor(client: DynamoDBClient, table: string, tenant = DEFAULT_TENANT) {
    this.#client = client;
    this.#table = table;
    this.#tenant = tenant;
  }

  async put(kept: SagaToken): Promise<void> {
    const expiresAt = { N: String(Math.ceil(Date.parse(kept.deadline) / 1_000) + KEPT_SECONDS) };
    const { sagaId, step, item, token, party, deadline } = kept;
    const strings = { sagaId, step, item, token, deadline, ...(party === undefined ? {} : { party }) };
    const attributes = Object.fromEntries(Object.entries(strings).map(([name, S]) => [name, { S }]));
    // The party's item first: whoever finds the token can rely on being found.
    if (party !== undefined) await this.#put({ ...this.#partyKey(kept, party), sagaId: { S: sagaId }, expiresAt });
    await this.#put({ ...this.#key(kept), ...attributes, expiresAt });
  }

  async remove(known: SagaToken): Promise<void> {
    const remove = new DeleteItemCommand({
      TableName: this.#table,
      Key: this.#key(known),
      ConditionExpression: '#token = :token',
      ExpressionAttributeNames: { '#token': 'token' },
      ExpressionAttributeValues: { ':token': { S: known.token } },
    });
    try {
      await reaching('DynamoDB', () => this.#client.send(remove));
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return;
      throw error;
    }
    if (known.party === undefined) return;
    const Key = this.#partyKey(known, known.party);
    await reaching('DynamoDB', () => this.#client.send(new DeleteItemCommand({ TableName: this.#table, Key })));
  }

  async find(sagaId: string, step: string, item: string): Promise<SagaToken | undefined> {
    const Key = this.#key({ sagaId, step, item });
    const get = new GetItemCommand({ TableName: this.#table, Key, ConsistentRead: true });
    const { Item } = await reaching('DynamoDB', () => this.#client.send(get));
    return Item && tokenItem.parse(Item);
  }

  async ofSaga(sagaId: string): Promise<readonly SagaToken[]> {
    const items = await this.#query(`saga/${sagaId}`);
    return items.map((item) => tokenItem.parse(item));
  }

  async waitingFor(party: string): Promise<readonly string[]> {
    const items = await this.#query(`party/${party}`);
    return [...new Set(items.map((item) => tokenItem.pick({ sagaId: true }).parse(item).sagaId))];
  }

  #key({ sagaId, step, item }: Pick<SagaToken, 'sagaId' | 'step' | 'item'>): Item {
    return { waits: { S: `${this.#tenant}/saga/${sagaId}` }, place: { S: `${step}/${item}` } };
  }

  #partyKey({ sagaId, step, item }: SagaToken, party: string): Item {
    return { waits: { S: `${this.#tenant}/party/${party}` }, place: { S: `${sagaId}/${step}/${item}` } };
  }

  async #put(Item: Item): Promise<void> {
    await reaching('DynamoDB', () => this.#client.send(new PutItemCommand({ TableName: this.#table, Item })));
  }

  async #query(waits: string): Promise<Item[]> {
    const query = {
      TableName: this.#table,
      KeyConditionExpression: 'waits = :waits',
      ExpressionAttributeValues: { ':waits': { S: `${this.#tenant}/${waits}` } },
      ConsistentRead: true,
    };
    const pages = paginateQuery({ client: this.#client }, query);
    const items: Item[] = [];
    for (;;) {
      const { done, value } = await reaching('DynamoDB', () => pages.next());
      if (done) return items;
      items.push(...(value.Items ?? []));
    }
  }
}

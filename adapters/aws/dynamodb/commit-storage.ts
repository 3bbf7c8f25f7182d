import {
  GetItemCommand,
  QueryCommand,
  type QueryCommandInput,
  ScanCommand,
  type ScanCommandInput,
  type TransactWriteItem,
} from '@aws-sdk/client-dynamodb';
import { CorruptDataError, EventIdTakenError, PayloadTooLargeError } from '../../../core/base/errors.ts';
import { type Commit, endOf, MAX_EVENTS_PER_COMMIT } from '../../../core/store/commit.ts';
import type { CommitPlace, CommitScan, ScannedCommit } from '../../../core/store/commit-scan.ts';
import type { CommitRange, CommitStorage } from '../../../core/store/commit-storage.ts';
import {
  commitOf,
  eventNoteOf,
  isNote,
  itemOf,
  placeOf,
  readEventNote,
  readRequestNote,
  requestNoteOf,
  streamKey,
  unreadableCommit,
} from './commit-item.ts';
import { putIfFree } from './put-if-free.ts';
import { DynamoStore, type Item } from './store.ts';
import { BY_COMMIT_ID } from './tables.ts';

/** Sort keys to query, both included, and at most how many commits it takes to have all of them that are wanted. */
interface Span {
  readonly low: number;
  readonly high: number;
  readonly forward: boolean;
  readonly most: number;
}

/** A page of a query ends at 1 MB anyway; DynamoDB refuses limits that do not fit in 32 bits. */
const MAX_PAGE = 10_000;

/**
 * Commits in DynamoDB, one item each; see {@link eventsTable}. Plain attribute values, because marshalling objects costs
 * more CPU than the rest of a call.
 */
export class DynamoCommitStorage extends DynamoStore implements CommitStorage, CommitScan {
  async put(commit: Commit, given: ReadonlyMap<string, number> = new Map()): Promise<Commit | undefined> {
    const item = itemOf(commit, this.tenant);
    const notes = [...given].map(([id, number]) => eventNoteOf(this.tenant, commit.stream, id, number));
    if (notes.length > 0) return this.#putWithNotes(commit.stream, item, notes);
    const occupant = await putIfFree(this.client, this.table, 'stream', item);
    return occupant && commitOf(occupant);
  }

  async note(unchanged: Commit, expiresAt: Date): Promise<void> {
    await putIfFree(this.client, this.table, 'stream', requestNoteOf(unchanged, this.tenant, expiresAt));
  }

  /** The commit and the notes of its ids, all or none. */
  async #putWithNotes(stream: string, commit: Item, notes: readonly Item[]): Promise<Commit | undefined> {
    const TransactItems = [commit, ...notes].map(
      (Item): TransactWriteItem => ({
        Put: {
          TableName: this.table,
          Item,
          ConditionExpression: 'attribute_not_exists(#key)',
          ExpressionAttributeNames: { '#key': 'stream' },
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        },
      }),
    );
    const reasons = await this.transact(TransactItems);
    if (!reasons) return undefined;
    const [occupant, ...there] = reasons.map(({ Item }) => Item);
    if (occupant) return commitOf(occupant);
    const taken = there.flatMap((item) => (item ? [readEventNote(item)] : []));
    if (taken.length === 0)
      throw new PayloadTooLargeError('the events of this stream and their ids take too much room');
    throw new EventIdTakenError(stream, new Map(taken.map(({ id, sequenceNumber }) => [id, sequenceNumber])));
  }

  async head(stream: string): Promise<number> {
    const { Items } = await this.#query(stream, {
      KeyConditionExpression: '#stream = :stream AND #version > :none',
      ProjectionExpression: '#version, #count',
      ExpressionAttributeNames: { '#version': 'version', '#count': 'count' },
      ExpressionAttributeValues: { ':none': { N: '0' } },
      ScanIndexForward: false,
      Limit: 1,
    });
    const [last] = Items ?? [];
    return last ? endOf(placeOf(last, stream)) : 0;
  }

  async find(stream: string, commitId: string): Promise<Commit | undefined> {
    const { Items } = await this.#query(stream, {
      IndexName: BY_COMMIT_ID,
      KeyConditionExpression: '#stream = :stream AND #id = :id',
      ExpressionAttributeNames: { '#id': 'idempotencyKey' },
      ExpressionAttributeValues: { ':id': { S: commitId } },
    });
    const [found] = Items ?? [];
    if (!found?.['stream'] || !found['version']) return undefined;
    const { stream: S, version } = found;
    const Key = { stream: S, version };
    const get = new GetItemCommand({ TableName: this.table, Key, ConsistentRead: true });
    const { Item } = await this.send(get);
    if (!Item) return undefined;
    return isNote(Item) ? readRequestNote(Item) : commitOf(Item);
  }

  read(stream: string, { from, to, direction, limit, startsCommit = false }: CommitRange): AsyncIterable<Commit> {
    const forward = direction === 'forward';
    const [low, high] = forward ? [Math.max(from, 1), to] : [Math.max(to, 1), from];
    const span: Span = { low, high, forward, most: Math.min(limit ?? high, high - low + 1) };
    if (!forward) return this.#backward(stream, span);
    return startsCommit ? this.#commits(stream, span) : this.#forward(stream, span);
  }

  /** A scan of the table, in which the commits of a stream stand together. Half the price of a consistent one. */
  async *scan(after?: CommitPlace): AsyncGenerator<ScannedCommit> {
    let startKey: ScanCommandInput['ExclusiveStartKey'] = after && {
      stream: { S: streamKey(this.tenant, after.stream) },
      version: { N: String(after.version) },
    };
    do {
      const page = await this.send(new ScanCommand({ TableName: this.table, ExclusiveStartKey: startKey }));
      for (const item of page.Items ?? []) {
        if (!isNote(item) && item['stream']?.S?.startsWith(streamKey(this.tenant, ''))) yield scanned(item);
      }
      startKey = page.LastEvaluatedKey;
    } while (startKey);
  }

  /** A range that starts inside a commit: that one is looked for beside the query for those after it. */
  async *#forward(stream: string, span: Span): AsyncGenerator<Commit> {
    if (span.low === 1) {
      yield* this.#commits(stream, span);
      return;
    }
    if (span.low > span.high) return;
    const before = this.#commits(stream, { low: 1, high: span.low, forward: false, most: 1 });
    const after = this.#commits(stream, { ...span, low: span.low + 1 });
    const [first, second] = await Promise.all([before.next(), after.next()]);
    if (!first.done && endOf(first.value) >= span.low) yield first.value;
    if (second.done) return;
    yield second.value;
    yield* after;
  }

  /** A commit with the event `low` in it starts at most 99 before: one query reaches it. */
  async *#backward(stream: string, span: Span): AsyncGenerator<Commit> {
    const low = Math.max(1, span.low - MAX_EVENTS_PER_COMMIT + 1);
    for await (const commit of this.#commits(stream, { ...span, low, high: span.low > span.high ? 0 : span.high })) {
      if (endOf(commit) >= span.low) yield commit;
      if (commit.version <= span.low) return;
    }
  }

  /** The commits that start within a span, page by page as they are taken. */
  async *#commits(stream: string, { low, high, forward, most }: Span): AsyncGenerator<Commit> {
    if (low > high) return;
    let taken = 0;
    let startKey: QueryCommandInput['ExclusiveStartKey'];
    do {
      const { Items, LastEvaluatedKey } = await this.#query(stream, {
        KeyConditionExpression: '#stream = :stream AND #version BETWEEN :low AND :high',
        ExpressionAttributeNames: { '#version': 'version' },
        ExpressionAttributeValues: { ':low': { N: String(low) }, ':high': { N: String(high) } },
        ScanIndexForward: forward,
        Limit: Math.min(most - taken, MAX_PAGE),
        ExclusiveStartKey: startKey,
      });
      for (const item of Items ?? []) yield commitOf(item);
      taken += Items?.length ?? 0;
      startKey = LastEvaluatedKey;
    } while (startKey && taken < most);
  }

  #query(stream: string, input: Omit<QueryCommandInput, 'TableName'>) {
    const query = new QueryCommand({
      ...input,
      TableName: this.table,
      ConsistentRead: true,
      ExpressionAttributeNames: { ...input.ExpressionAttributeNames, '#stream': 'stream' },
      ExpressionAttributeValues: {
        ...input.ExpressionAttributeValues,
        ':stream': { S: streamKey(this.tenant, stream) },
      },
    });
    return this.send(query);
  }
}

/** @throws CorruptDataError for an item that is not even in a stream */
function scanned(item: Parameters<typeof commitOf>[0]): ScannedCommit {
  try {
    return { commit: commitOf(item) };
  } catch (error) {
    const place = unreadableCommit(item);
    if (!place || !(error instanceof CorruptDataError)) throw error;
    return { place: { stream: place.stream, version: place.version }, damage: error.message };
  }
}

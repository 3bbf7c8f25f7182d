import {
  GetItemCommand,
  QueryCommand,
  type QueryCommandInput,
  ScanCommand,
  type ScanCommandInput,
} from '@aws-sdk/client-dynamodb';
import { CorruptDataError } from '../../../core/base/errors.ts';
import { type Commit, endOf, MAX_EVENTS_PER_COMMIT } from '../../../core/store/commit.ts';
import type { CommitPlace, CommitScan, ScannedCommit } from '../../../core/store/commit-scan.ts';
import type {
  Change,
  CommitRange,
  CommitStorage,
  Obstacles,
  TransactionMark,
} from '../../../core/store/commit-storage.ts';
import type { Tagging } from '../../../core/store/tags.ts';
import { actionsOf, obstaclesIn, toTransactItem } from './commit-changes.ts';
import {
  isNote,
  readCommitExtent,
  readCommitItem,
  readRequestNote,
  streamKey,
  toCommitItem,
  toRequestNote,
  unreadableCommit,
} from './commit-item.ts';
import { putIfFree } from './put-if-free.ts';
import { DynamoStore } from './store.ts';
import { BY_COMMIT_ID } from './tables.ts';
import { markKey, readMark, readTagging, tagKey } from './transaction-item.ts';

/** Versions of a stream to query, both ends included. */
interface VersionRange {
  readonly low: number;
  readonly high: number;
  readonly forward: boolean;
  /** The query ends after this many commits. */
  readonly maxCommits: number;
}

/** A page of a query ends at 1 MB anyway. DynamoDB refuses limits that do not fit in 32 bits. */
const MAX_PAGE = 10_000;

/**
 * Commits in DynamoDB, one item each; see {@link eventsTable}. The class writes attribute values itself, because
 * marshalling objects costs more CPU than the rest of a call.
 */
export class DynamoCommitStorage extends DynamoStore implements CommitStorage, CommitScan {
  async put(commit: Commit, given: ReadonlyMap<string, number> = new Map()): Promise<Commit | undefined> {
    if (given.size > 0) {
      const obstacles = await this.transact({ puts: [{ commit, given }], free: [], entries: [], freeTags: [] });
      return obstacles?.commits[0];
    }
    const occupant = await putIfFree(this.client, this.table, 'stream', toCommitItem(commit, this.tenant));
    return occupant && readCommitItem(occupant);
  }

  async note(unchanged: Commit, expiresAt: Date): Promise<void> {
    await putIfFree(this.client, this.table, 'stream', toRequestNote(unchanged, this.tenant, expiresAt));
  }

  async transact(change: Change): Promise<Obstacles | undefined> {
    const actions = actionsOf(change, this.tenant);
    const reasons = await this.writeAll(actions.map(({ action }) => toTransactItem(action, this.table)));
    return reasons && obstaclesIn(actions, reasons);
  }

  async findMark(id: string): Promise<TransactionMark | undefined> {
    const Key = markKey(this.tenant, id);
    const { Item } = await this.send(new GetItemCommand({ TableName: this.table, Key, ConsistentRead: true }));
    return Item && readMark(Item);
  }

  async tagHead(tag: string): Promise<number> {
    const { Items = [] } = await this.#entries(tag, 0, { ScanIndexForward: true, Limit: 1 });
    return Items[0] ? readTagging(Items[0]).number : 0;
  }

  /** The numbers are negative in the keys, so the order of the keys is turned around. */
  async *tagged(tag: string, after: number): AsyncGenerator<Tagging> {
    let ExclusiveStartKey: QueryCommandInput['ExclusiveStartKey'];
    do {
      const page = await this.#entries(tag, after, { ScanIndexForward: false, ExclusiveStartKey });
      for (const item of page.Items ?? []) yield readTagging(item);
      ExclusiveStartKey = page.LastEvaluatedKey;
    } while (ExclusiveStartKey);
  }

  #entries(tag: string, after: number, input: Omit<QueryCommandInput, 'TableName'>) {
    return this.send(
      new QueryCommand({
        ...input,
        TableName: this.table,
        ConsistentRead: true,
        KeyConditionExpression: '#stream = :tag AND #version < :after',
        ExpressionAttributeNames: { '#stream': 'stream', '#version': 'version' },
        ExpressionAttributeValues: {
          ':tag': tagKey(this.tenant, { tag, number: 1 }).stream,
          ':after': { N: String(-after) },
        },
      }),
    );
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
    return last ? endOf(readCommitExtent(last, stream)) : 0;
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
    return isNote(Item) ? readRequestNote(Item) : readCommitItem(Item);
  }

  read(stream: string, { from, to, direction, limit, startsCommit = false }: CommitRange): AsyncIterable<Commit> {
    const forward = direction === 'forward';
    const [low, high] = forward ? [Math.max(from, 1), to] : [Math.max(to, 1), from];
    const range: VersionRange = { low, high, forward, maxCommits: Math.min(limit ?? high, high - low + 1) };
    if (!forward) return this.#backward(stream, range);
    return startsCommit ? this.#commits(stream, range) : this.#forward(stream, range);
  }

  /** Scans the table, in which the commits of a stream stand together. The scan costs half of a consistent scan. */
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

  /** Reads a range that may start inside a commit. Two queries run side by side: for that commit, and for those after it. */
  async *#forward(stream: string, range: VersionRange): AsyncGenerator<Commit> {
    if (range.low === 1) {
      yield* this.#commits(stream, range);
      return;
    }
    if (range.low > range.high) return;
    const before = this.#commits(stream, { low: 1, high: range.low, forward: false, maxCommits: 1 });
    const after = this.#commits(stream, { ...range, low: range.low + 1 });
    const [first, second] = await Promise.all([before.next(), after.next()]);
    if (!first.done && endOf(first.value) >= range.low) yield first.value;
    if (second.done) return;
    yield second.value;
    yield* after;
  }

  /** The commit that holds event `low` starts at most 99 events before it, so a single query reaches that commit. */
  async *#backward(stream: string, range: VersionRange): AsyncGenerator<Commit> {
    const low = Math.max(1, range.low - MAX_EVENTS_PER_COMMIT + 1);
    const high = range.low > range.high ? 0 : range.high;
    for await (const commit of this.#commits(stream, { ...range, low, high })) {
      if (endOf(commit) >= range.low) yield commit;
      if (commit.version <= range.low) return;
    }
  }

  /** The commits that start within a range. A page is fetched when its first commit is taken. */
  async *#commits(stream: string, { low, high, forward, maxCommits }: VersionRange): AsyncGenerator<Commit> {
    if (low > high) return;
    let taken = 0;
    let startKey: QueryCommandInput['ExclusiveStartKey'];
    do {
      const { Items, LastEvaluatedKey } = await this.#query(stream, {
        KeyConditionExpression: '#stream = :stream AND #version BETWEEN :low AND :high',
        ExpressionAttributeNames: { '#version': 'version' },
        ExpressionAttributeValues: { ':low': { N: String(low) }, ':high': { N: String(high) } },
        ScanIndexForward: forward,
        Limit: Math.min(maxCommits - taken, MAX_PAGE),
        ExclusiveStartKey: startKey,
      });
      for (const item of Items ?? []) yield readCommitItem(item);
      taken += Items?.length ?? 0;
      startKey = LastEvaluatedKey;
    } while (startKey && taken < maxCommits);
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

/** @throws CorruptDataError for an item without the keys of a commit */
function scanned(item: Parameters<typeof readCommitItem>[0]): ScannedCommit {
  try {
    return { commit: readCommitItem(item) };
  } catch (error) {
    const place = unreadableCommit(item);
    if (!place || !(error instanceof CorruptDataError)) throw error;
    return { place: { stream: place.stream, version: place.version }, damage: error.message };
  }
}

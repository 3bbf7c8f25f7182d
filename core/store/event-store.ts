import { ConcurrencyError, EventIdTakenError } from '../base/errors.ts';
import { ulids } from '../base/new-id.ts';
import { contention, Lines } from '../base/races.ts';
import { assertId, parseStreamId } from '../base/stream-id.ts';
import type { ExpectedVersion, SchemaVersion, StreamVersion } from '../base/versions.ts';
import type { Catalogue, DomainEvent, NewEvent } from '../events/catalogue.ts';
import type { CompileSchema } from '../events/open-types.ts';
import type { AppendOptions } from './append-options.ts';
import { type AppendResult, repeatOf, resultOf } from './append-result.ts';
import { type Commit, decodeCommit } from './commit.ts';
import type { CommitStorage } from './commit-storage.ts';
import { type Draft, draftOf, placed } from './draft.ts';
import { madeBefore } from './made-ids.ts';
import { checkEvents } from './new-events.ts';
import { bounds, type ReadOptions, rangeOf } from './read-range.ts';
import { RegisteredTypes, registrationIn } from './registered-types.ts';
import { type TaggedCommit, taggedIn, writeTagged } from './tagged.ts';
import { StreamTransactions } from './transact.ts';
import type { Transaction, TransactionOptions, TransactionResult } from './transaction.ts';

export interface EventStoreOptions {
  /** The event types that may be appended, and as which stored events are read. */
  readonly catalogue: Catalogue;
  /** Compiles the schemas of registered types. Absent where such events are not appended: they are refused. */
  readonly compile?: CompileSchema | undefined;
  readonly now?: () => Date;
  readonly newId?: () => string;
  /** The header of the current trace, for appends without one. */
  readonly trace?: () => string | undefined;
}

/** Days that a note of a request without effect is kept at least. */
export const NOTE_DAYS = 31;
const DAY_MS = 24 * 60 * 60 * 1_000;

/** For `any` and `exists` appends. */
export const atAnyVersion = contention(40);

/**
 * Streams of events with optimistic concurrency, atomic multi-event commits and durable idempotency, over any
 * {@link CommitStorage}.
 *
 * The condition on the place of the write decides every race; checks before it only make errors precise and keep
 * sequence numbers without gaps. (The same rule as message-db's `write_message` and EventStoreDB's expected version.)
 */
export class EventStore {
  /** The event types of its streams. */
  readonly catalogue: Catalogue;
  /** The writers of each stream that read and decide before they append. */
  readonly writers = new Lines();
  readonly #types: RegisteredTypes;
  readonly #storage: CommitStorage;
  readonly #now: () => Date;
  readonly #newId: () => string;
  readonly #trace: () => string | undefined;
  readonly #transactions: StreamTransactions;

  constructor(storage: CommitStorage, options: EventStoreOptions) {
    this.#storage = storage;
    this.catalogue = options.catalogue;
    const { catalogue, compile = () => Promise.reject(new Error('this process checks no registered types')) } = options;
    this.#types = new RegisteredTypes({ catalogue, compile, newest: (type) => registrationIn(this, type) });
    this.#now = options.now ?? (() => new Date());
    this.#newId = options.newId ?? ulids();
    this.#trace = options.trace ?? (() => undefined);
    const draft = this.#draft.bind(this);
    this.#transactions = new StreamTransactions({ storage, draft, newId: this.#newId, writers: this.writers });
  }

  /**
   * Appends 1 to 100 events to a stream as one commit.
   * @throws ValidationError, PayloadTooLargeError, InvalidIdError before anything is written
   * @throws ConcurrencyError when the stream is not at `expectedVersion`; nothing was written
   * @throws EventIdTakenError when the stream has events of these ids; nothing was written
   * @throws IdempotencyKeyReusedError when `commitId` belongs to another request
   * @throws UnavailableError when the result is unknown; repeat with the same `commitId`
   */
  async append(stream: string, events: readonly NewEvent[], options: AppendOptions): Promise<AppendResult> {
    const draft = await this.#draft(stream, events, options);
    const { expectedVersion, headKnown = false } = options;
    if (typeof expectedVersion === 'number') return this.#appendAt(draft, expectedVersion, headKnown);
    return this.writers.inTurn(stream, () => atAnyVersion.execute(() => this.#appendAtHead(draft, expectedVersion)));
  }

  /**
   * Checks events for a stream, without its state.
   * @returns the version of the schema by which each event was checked, for {@link AppendOptions.checked}
   * @throws ValidationError, InvalidIdError, UnavailableError
   */
  check(stream: string, events: readonly NewEvent[]): Promise<readonly SchemaVersion[]> {
    const { aggregateType } = parseStreamId(stream);
    return checkEvents({ catalogue: this.catalogue, registered: this.#types }, aggregateType, events);
  }

  /**
   * Records that a request changed nothing, so that its repeat changes nothing either. Kept for {@link NOTE_DAYS} days.
   * @param version the version of the stream that the request met
   * @throws UnavailableError, IdempotencyKeyReusedError
   */
  note(
    stream: string,
    { commitId, digest, version }: { commitId: string; digest: string; version: StreamVersion },
  ): Promise<void> {
    assertId(commitId);
    const now = this.#now();
    const place = { stream, version: version + 1, count: 0, recordedAt: now.toISOString() };
    const unchanged = { ...place, commitId, keyed: true, digest, types: [], body: new Uint8Array() };
    return this.#storage.note(unchanged, new Date(now.getTime() + NOTE_DAYS * DAY_MS));
  }

  /**
   * Appends to several streams, each append a commit, and checks others: all or none. See {@link Transaction}.
   * @throws ValidationError, PayloadTooLargeError, InvalidIdError before anything is written
   * @throws TransactionConflictError that names the streams and tags which have moved; nothing was written
   * @throws EventIdTakenError when a stream has events of these ids; nothing was written
   * @throws IdempotencyKeyReusedError when `commitId` belongs to another request
   * @throws UnavailableError when the result is unknown; repeat with the same `commitId`
   */
  transact(transaction: Transaction, options: TransactionOptions = {}): Promise<TransactionResult> {
    return this.#transactions.write(transaction, options);
  }

  /** The result of the transaction with this key, if any. @throws IdempotencyKeyReusedError for another digest */
  findTransaction(commitId: string, digest?: string): Promise<TransactionResult | undefined> {
    return this.#transactions.find(commitId, digest);
  }

  /**
   * The commits with events of a tag, in the order of their numbers, fetched on demand. They include every append that was
   * answered before.
   * @param after the number after which to read; 0 for all
   */
  tagged(tag: string, after = 0): AsyncGenerator<TaggedCommit> {
    return taggedIn(this.#storage, this.catalogue, { tag, after });
  }

  /** Sequence number of the stream's last event, 0 without events. */
  head(stream: string): Promise<StreamVersion> {
    parseStreamId(stream);
    return this.#storage.head(stream);
  }

  /** The events of a stream one by one, fetched on demand. An empty stream yields nothing. */
  async *read(stream: string, options: ReadOptions & { limit?: number } = {}): AsyncGenerator<DomainEvent> {
    const range = rangeOf(options);
    const { low, high } = bounds(range);
    let left = options.limit ?? Number.POSITIVE_INFINITY;
    if (left <= 0) return;
    for await (const commit of this.commits(stream, options)) {
      const events = decodeCommit(commit, this.catalogue);
      for (const event of range.direction === 'forward' ? events : events.toReversed()) {
        if (event.sequenceNumber < low || event.sequenceNumber > high) continue;
        yield event;
        if (--left <= 0) return;
      }
    }
  }

  /** The whole commits of a range, for readers that need the facts of a commit. */
  commits(stream: string, options: ReadOptions & { limit?: number } = {}): AsyncIterable<Commit> {
    parseStreamId(stream);
    return this.#storage.read(stream, rangeOf(options));
  }

  /** The commit with this idempotency key, if any. */
  findCommit(stream: string, commitId: string): Promise<Commit | undefined> {
    parseStreamId(stream);
    return this.#storage.find(stream, commitId);
  }

  async #appendAt(draft: Draft, expected: number, headKnown: boolean): Promise<AppendResult> {
    if (expected > 0 && !headKnown) {
      const [head, earlier] = await Promise.all([this.#storage.head(draft.commit.stream), this.#earlier(draft)]);
      if (earlier) return repeatOf(earlier, draft.commit.digest);
      if (head !== expected) {
        // The two reads are not one moment: this commit, sent twice, may have moved the head meanwhile.
        const meanwhile = await this.#earlier(draft);
        if (meanwhile) return repeatOf(meanwhile, draft.commit.digest);
        throw new ConcurrencyError(draft.commit.stream, expected, head);
      }
    }
    return this.#putAfter(draft, expected, expected);
  }

  async #appendAtHead(draft: Draft, expected: 'any' | 'exists'): Promise<AppendResult> {
    const head = await this.#storage.head(draft.commit.stream);
    // After the head, not in parallel: a later write with our key takes our place too.
    const earlier = head > 0 ? await this.#earlier(draft) : undefined;
    if (earlier) return repeatOf(earlier, draft.commit.digest);
    if (expected === 'exists' && head === 0) throw new ConcurrencyError(draft.commit.stream, expected, head);
    return this.#putAfter(draft, head, expected);
  }

  async #putAfter(draft: Draft, head: StreamVersion, expected: ExpectedVersion): Promise<AppendResult> {
    const { commit, given } = placed(draft, head + 1);
    const taken = await madeBefore(this.#storage, commit.stream, head, given.keys());
    if (taken.size > 0) throw new EventIdTakenError(commit.stream, taken);
    const occupant = await (draft.tags.size > 0
      ? writeTagged(this.#storage, draft, { commit, given })
      : this.#storage.put(commit, given));
    if (!occupant) return resultOf(commit, false, draft.eventIds);
    // Our own earlier write whose reply was lost, a retry by the client library, or the caller's repeat.
    if (occupant.commitId === commit.commitId) return repeatOf(occupant, draft.commit.digest);
    const [actual, earlier] = await Promise.all([this.#storage.head(draft.commit.stream), this.#earlier(draft)]);
    if (earlier) return repeatOf(earlier, draft.commit.digest);
    throw new ConcurrencyError(draft.commit.stream, expected, actual);
  }

  #earlier(draft: Draft): Promise<Commit | undefined> {
    const { keyed, stream, commitId } = draft.commit;
    return keyed ? this.#storage.find(stream, commitId) : Promise.resolve(undefined);
  }

  #draft(stream: string, events: readonly NewEvent[], options: AppendOptions): Promise<Draft> {
    const { catalogue } = this;
    const parts = { catalogue, newId: this.#newId, now: this.#now, maxBytes: this.#storage.maxBytes };
    const check = () => this.check(stream, events);
    return draftOf({ ...parts, check }, stream, events, { ...options, trace: options.trace ?? this.#trace() });
  }
}

import {
  AnnalsError,
  type Conflict,
  EventIdTakenError,
  IdempotencyKeyReusedError,
  TransactionConflictError,
  UnavailableError,
} from '../base/errors.ts';
import { type Lines, transactionContention } from '../base/races.ts';
import { assertId } from '../base/stream-id.ts';
import type { StreamVersion } from '../base/versions.ts';
import type { NewEvent } from '../events/catalogue.ts';
import type { AppendOptions } from './append-options.ts';
import { resultOf } from './append-result.ts';
import { assertItems } from './change-size.ts';
import type { Change, CommitStorage, Obstacles, Put, TransactionMark } from './commit-storage.ts';
import { type Draft, placed } from './draft.ts';
import { madeBefore } from './made-ids.ts';
import { commitAt, taggingsOf } from './tagged.ts';
import {
  assertShape,
  atPath,
  type TagCondition,
  type TransactedAppend,
  type Transaction,
  type TransactionOptions,
  type TransactionResult,
} from './transaction.ts';

/** What transactions are written with. */
export interface TransactionParts {
  readonly storage: CommitStorage;
  readonly draft: (stream: string, events: readonly NewEvent[], options: AppendOptions) => Promise<Draft>;
  readonly newId: () => string;
  readonly writers: Lines;
}

/** A transaction with its appends drafted. */
interface Drafted extends Required<Transaction> {
  readonly id: string;
  readonly drafts: readonly Draft[];
  readonly options: TransactionOptions;
}

/** A change, and the version that each of its streams is expected to have. */
interface Attempt {
  readonly change: Change;
  readonly expected: ReadonlyMap<string, StreamVersion>;
}

const races = transactionContention(40);

/** Writes transactions over a storage; see {@link Transaction}. */
export class StreamTransactions {
  readonly #parts: TransactionParts;

  constructor(parts: TransactionParts) {
    this.#parts = parts;
  }

  async write(transaction: Transaction, options: TransactionOptions): Promise<TransactionResult> {
    const { commitId, digest } = options;
    if (commitId !== undefined) assertId(commitId);
    const complete = { checks: [], conditions: [], ...transaction };
    assertShape(complete);
    const id = commitId ?? this.#parts.newId();
    const drafts = await this.#drafts(complete.appends, id, options);
    const drafted = { ...complete, id, drafts, options };
    const movable = complete.appends.flatMap(({ streamId, expectedVersion }) =>
      typeof expectedVersion === 'number' ? [] : [streamId],
    );
    const work = () => races.execute(() => this.#attempt(drafted));
    try {
      return await this.#parts.writers.inTurns(movable, work);
    } catch (error) {
      // A repeat meets its own streams, moved on: what refuses it is then no answer.
      if (commitId === undefined || error instanceof UnavailableError || !(error instanceof AnnalsError)) throw error;
      const earlier = await this.find(commitId, digest);
      if (earlier) return earlier;
      throw error;
    }
  }

  /** The result of the transaction with a key, if any. @throws IdempotencyKeyReusedError when it is another request's */
  async find(id: string, digest: string | undefined): Promise<TransactionResult | undefined> {
    const mark = await this.#parts.storage.findMark(id);
    return mark && this.#repeatOf(mark, digest);
  }

  /** Stamps every commit with the transaction. Its key is that of the whole, so no commit is found by it alone. */
  #drafts(appends: readonly TransactedAppend[], id: string, options: TransactionOptions): Promise<Draft[]> {
    const { defaults = {}, trace } = options;
    const transaction = { id, size: appends.length };
    return Promise.all(
      appends.map(async ({ streamId, events, expectedVersion, checked }, index) => {
        const append = { expectedVersion, defaults, trace, ...(checked ? { checked } : {}) };
        const draft = await atPath(`appends.${index}`, () => this.#parts.draft(streamId, events, append));
        return { ...draft, commit: { ...draft.commit, transaction } };
      }),
    );
  }

  async #attempt(drafted: Drafted): Promise<TransactionResult> {
    const { id, drafts } = drafted;
    const { change, expected } = await this.#place(drafted);
    const obstacles = await this.#parts.storage.transact(change);
    const results = (repeated: boolean) =>
      change.puts.map(({ commit }, index) => resultOf(commit, repeated, drafts[index]?.eventIds));
    if (!obstacles) return { transactionId: id, results: results(false), repeated: false };
    if (obstacles.mark) return this.#repeatOf(obstacles.mark, drafted.options.digest);
    // The reply to this very write was lost, and a retry by the client library met it.
    const own = new Set(change.puts.map(({ commit }) => commit.commitId));
    if (obstacles.commits.some(({ commitId }) => own.has(commitId))) {
      return { transactionId: id, results: results(true), repeated: true };
    }
    throw await this.#lost(drafted, obstacles, expected);
  }

  /** The places of all writes and conditions, by reads of the heads that are not known. @throws TransactionConflictError */
  async #place({ id, drafts, appends, checks, conditions, options }: Drafted): Promise<Attempt> {
    const { storage } = this.#parts;
    const tags = new Set(drafts.flatMap((draft) => [...draft.tags.keys()]));
    const [heads, checked, tagHeads] = await Promise.all([
      Promise.all(appends.map((append) => headOf(storage, append.streamId, append))),
      Promise.all(checks.map((check) => headOf(storage, check.streamId, { ...check, expectedVersion: check.version }))),
      this.#tagHeads(tags, conditions),
    ]);
    const conflicts = [
      ...appends.flatMap(({ streamId, expectedVersion }, index) =>
        differs({ streamId }, expectedVersion, heads[index]),
      ),
      ...checks.flatMap(({ streamId, version }, index) => differs({ streamId }, version, checked[index])),
      ...conditions.flatMap(({ tag, after }) => differs({ tag }, after, tagHeads.get(tag))),
    ];
    throwConflicts(conflicts, false);
    const puts = drafts.map((draft, index) => placed(draft, (heads[index] ?? 0) + 1));
    await this.#assertNewIds(puts);
    const free = checks.map(({ streamId, version }) => ({ stream: streamId, version: version + 1 }));
    const freeTags = conditions
      .filter(({ tag }) => !tags.has(tag))
      .map(({ tag, after }) => ({ tag, number: after + 1 }));
    const entries = puts.flatMap(({ commit }, index) => taggingsOf(drafts[index]?.tags ?? new Map(), commit, tagHeads));
    const mark = options.commitId === undefined ? undefined : markOf(id, options.digest, puts);
    const change = { puts, free, entries, freeTags, mark };
    assertItems(change, '');
    const expected = new Map(appends.map(({ streamId }, index) => [streamId, heads[index] ?? 0] as const));
    return { change, expected };
  }

  async #tagHeads(tags: ReadonlySet<string>, conditions: readonly TagCondition[]): Promise<Map<string, number>> {
    const known = new Map(
      conditions.filter(({ after, headKnown }) => after === 0 || headKnown).map(({ tag, after }) => [tag, after]),
    );
    const wanted = [...new Set([...tags, ...conditions.map(({ tag }) => tag)])];
    return new Map(
      await Promise.all(
        wanted.map(async (tag) => [tag, known.get(tag) ?? (await this.#parts.storage.tagHead(tag))] as const),
      ),
    );
  }

  async #assertNewIds(puts: readonly Put[]): Promise<void> {
    for (const { commit, given } of puts) {
      const taken = await madeBefore(this.#parts.storage, commit.stream, commit.version - 1, given.keys());
      if (taken.size > 0) throw new EventIdTakenError(commit.stream, taken);
    }
  }

  /** The error for a change that met obstacles, with the versions of now. It names what cannot be repeated, if anything. */
  async #lost(
    { appends, checks, conditions }: Drafted,
    obstacles: Obstacles,
    expected: Attempt['expected'],
  ): Promise<TransactionConflictError> {
    const { storage } = this.#parts;
    const streams = obstacles.commits.map(async ({ stream: streamId }) => {
      const check = checks.find((each) => each.streamId === streamId);
      const append = appends.find((each) => each.streamId === streamId);
      const mayMove = append !== undefined && typeof append.expectedVersion !== 'number';
      const expectedVersion = check?.version ?? expected.get(streamId) ?? 0;
      return { mayMove, conflict: { streamId, expectedVersion, actualVersion: await storage.head(streamId) } };
    });
    const tags = [...new Set(obstacles.entries.map(({ tag }) => tag))].map(async (tag) => {
      const condition = conditions.find((each) => each.tag === tag);
      const actualVersion = await storage.tagHead(tag);
      const expectedVersion = condition?.after ?? actualVersion - 1;
      return { mayMove: condition === undefined, conflict: { tag, expectedVersion, actualVersion } };
    });
    const met = await Promise.all([...streams, ...tags]);
    const lasting = met.filter(({ mayMove }) => !mayMove);
    const isRace = lasting.length === 0;
    const [first, ...others] = (isRace ? met : lasting).map(({ conflict }) => conflict);
    if (!first) throw new Error('a change met an obstacle that is no part of it');
    return new TransactionConflictError(first, others, isRace);
  }

  async #repeatOf(mark: TransactionMark, digest: string | undefined): Promise<TransactionResult> {
    if (mark.digest !== undefined && digest !== undefined && mark.digest !== digest) {
      throw new IdempotencyKeyReusedError();
    }
    const { storage } = this.#parts;
    const commits = await Promise.all(mark.commits.map((place) => commitAt(storage, place)));
    return { transactionId: mark.id, results: commits.map((commit) => resultOf(commit, true)), repeated: true };
  }
}

function markOf(id: string, digest: string | undefined, puts: readonly Put[]): TransactionMark {
  const commits = puts.map(({ commit: { stream, version } }) => ({ stream, version }));
  return { id, digest, recordedAt: puts[0]?.commit.recordedAt ?? '', commits };
}

/** The version of a stream. A new stream and a known head need no read: their places are conditions of the write. */
async function headOf(
  storage: CommitStorage,
  stream: string,
  { expectedVersion, headKnown }: Pick<TransactedAppend, 'expectedVersion' | 'headKnown'>,
): Promise<StreamVersion> {
  const isKnown = typeof expectedVersion === 'number' && (expectedVersion === 0 || headKnown);
  return isKnown ? expectedVersion : storage.head(stream);
}

function differs(
  place: { readonly streamId: string } | { readonly tag: string },
  expectedVersion: Conflict['expectedVersion'],
  actualVersion = 0,
): Conflict[] {
  if (expectedVersion === 'any' || expectedVersion === actualVersion) return [];
  if (expectedVersion === 'exists' && actualVersion > 0) return [];
  return [{ ...place, expectedVersion, actualVersion }];
}

function throwConflicts([first, ...others]: readonly Conflict[], isRace: boolean): void {
  if (first) throw new TransactionConflictError(first, others, isRace);
}

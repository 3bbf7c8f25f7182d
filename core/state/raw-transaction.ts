import { ConcurrencyError, type Conflict, NotAdmittedError, TransactionConflictError } from '../base/errors.ts';
import { contention } from '../base/races.ts';
import { parseStreamId } from '../base/stream-id.ts';
import type { SchemaVersion } from '../base/versions.ts';
import {
  atPath,
  type TransactedAppend,
  type Transaction,
  type TransactionOptions,
  type TransactionResult,
} from '../store/transaction.ts';
import { type Folded, stateFold } from './fold.ts';
import { admitted, assertOpen, assertStreamIds, isAt, type RawAppendParts } from './raw-append.ts';

/** An append, and the state after it when its stream has an aggregate. */
interface Admitted {
  readonly append: TransactedAppend;
  readonly after?: unknown;
}

/** Most attempts while other writers append to streams whose version does not matter. */
const MAX_ATTEMPTS = 40;

/**
 * Writes a transaction without commands, as {@link EventStore.transact} does, if the aggregate of each stream admits its
 * events, as {@link appendRaw} asks it.
 * @throws ReservedTypeError for a type that only Annals writes
 * @throws NotAdmittedError for an event that no command could write; the message names the append and the rule
 * @throws the errors of {@link EventStore.transact}
 */
export async function transactRaw(
  parts: RawAppendParts,
  transaction: Transaction,
  options: TransactionOptions,
): Promise<TransactionResult> {
  const { store } = parts;
  const checked = await Promise.all(
    transaction.appends.map(({ streamId, events }, index) =>
      atPath(`appends.${index}`, async () => {
        const versions = await store.check(streamId, events);
        assertOpen(store.catalogue, events);
        return versions;
      }),
    ),
  );
  const { movable, isRace } = racesOf(transaction);
  // The store waits in the lines of the other streams itself, after these.
  const read = movable.filter((stream) => aggregateOf(parts, stream));
  const attempt = () => attemptOnce(parts, transaction, checked, options);
  try {
    return await store.writers.inTurns(read, () => contention(MAX_ATTEMPTS, isRace).execute(attempt));
  } catch (error) {
    // A repeat meets its own events, which no command would write once more.
    const isAnswer = error instanceof NotAdmittedError || error instanceof ConcurrencyError;
    const { commitId, digest } = options;
    const earlier = isAnswer && commitId !== undefined ? await store.findTransaction(commitId, digest) : undefined;
    if (earlier) return earlier;
    throw error;
  }
}

/** The streams whose version does not matter, and whether an error is a lost race for them alone. */
function racesOf({ appends, conditions = [] }: Transaction) {
  const movable = appends.flatMap(({ streamId, expectedVersion }) =>
    typeof expectedVersion === 'number' ? [] : [streamId],
  );
  const mayMove = (conflict: Conflict) =>
    'streamId' in conflict
      ? movable.includes(conflict.streamId) && conflict.actualVersion > 0
      : !conditions.some(({ tag }) => tag === conflict.tag);
  const isRace = (error: Error) => error instanceof TransactionConflictError && error.conflicts.every(mayMove);
  return { movable, isRace };
}

async function attemptOnce(
  parts: RawAppendParts,
  transaction: Transaction,
  checked: readonly (readonly SchemaVersion[])[],
  options: TransactionOptions,
): Promise<TransactionResult> {
  const loaded = await Promise.all(transaction.appends.map((append) => load(parts, append)));
  const conflicts = transaction.appends.flatMap((append, index) => conflictsOf(append, loaded[index]));
  const [first, ...others] = conflicts;
  if (first) throw new TransactionConflictError(first, others, false);
  const admissions = await Promise.all(
    transaction.appends.map(async (append, index): Promise<Admitted> => {
      const admission = await placed(index, append.streamId, () => admit(parts, append, loaded[index]));
      return { ...admission, append: { ...admission.append, checked: checked[index] ?? [] } };
    }),
  );
  const appends = admissions.map(({ append }) => append);
  const written = await parts.store.transact({ ...transaction, appends }, options);
  if (written.repeated) return written;
  for (const [index, { append, after }] of admissions.entries()) {
    const { streamId, expectedVersion } = append;
    const aggregate = aggregateOf(parts, streamId);
    const version = written.results[index]?.toVersion;
    if (!aggregate || version === undefined || typeof expectedVersion !== 'number') continue;
    parts.states.written(stateFold(aggregate), streamId, expectedVersion, { state: after, version });
  }
  return written;
}

const aggregateOf = ({ aggregates }: RawAppendParts, stream: string) =>
  aggregates.find(({ aggregateType }) => aggregateType === parseStreamId(stream).aggregateType);

/** The state that a stream's aggregate decides on. A stream that has to be new needs no read. */
async function load(parts: RawAppendParts, { streamId, expectedVersion }: TransactedAppend) {
  const aggregate = aggregateOf(parts, streamId);
  if (!aggregate) return undefined;
  if (expectedVersion === 0) return { state: aggregate.initialState, version: 0 };
  return parts.states.load(stateFold(aggregate), streamId);
}

function conflictsOf({ streamId, expectedVersion }: TransactedAppend, loaded: Folded<unknown> | undefined): Conflict[] {
  if (!loaded || isAt(loaded.version, expectedVersion)) return [];
  return [{ streamId, expectedVersion, actualVersion: loaded.version }];
}

/** Asks the aggregate of a stream. Its state replaces the check of the head. */
async function admit(
  parts: RawAppendParts,
  append: TransactedAppend,
  loaded: Folded<unknown> | undefined,
): Promise<Admitted> {
  const { streamId, events } = append;
  const { catalogue } = parts.store;
  const aggregate = aggregateOf(parts, streamId);
  if (!aggregate || !loaded) {
    assertStreamIds(catalogue, events, parseStreamId(streamId).aggregateId);
    return { append };
  }
  try {
    const after = admitted(catalogue, aggregate, { stream: streamId, events }, loaded.state);
    return { append: { streamId, events, expectedVersion: loaded.version, headKnown: true }, after };
  } catch (error) {
    const actualVersion = loaded.version === 0 ? await parts.store.head(streamId) : 0;
    if (actualVersion === 0) throw error;
    throw new TransactionConflictError({ streamId, expectedVersion: append.expectedVersion, actualVersion }, [], false);
  }
}

/** Adds the place of the append to the rule that it breaks. */
async function placed<T>(index: number, stream: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof NotAdmittedError)) throw error;
    throw new NotAdmittedError(`appends.${index}, ${stream}: ${error.message}`, { cause: error });
  }
}

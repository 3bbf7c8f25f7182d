import { TransactionConflictError } from '../base/errors.ts';
import { contention } from '../base/races.ts';
import { streamId } from '../base/stream-id.ts';
import type { DomainEvent, EventType, NewEvent } from '../events/catalogue.ts';
import type { EventStore } from '../store/event-store.ts';
import type { TransactionResult } from '../store/transaction.ts';
import type { CommandOptions, Decider } from './decider.ts';
import { type Fold, type Folded, stateFold } from './fold.ts';
import { StateReader } from './state-reader.ts';

/** An aggregate that a decision reads, and may append to. */
export interface StreamReading<State, Type extends EventType> {
  readonly stream: string;
  readonly fold: Fold<State>;
  /** The types of its events; only the compiler uses them. */
  readonly types?: Type;
}

/** The events of a tag that a decision reads. */
export interface TagReading<State> {
  readonly tag: string;
  readonly initialState: State;
  evolve(state: State, event: DomainEvent): State;
}

// biome-ignore lint/suspicious/noExplicitAny: State appears in argument and result positions, so only any fits all
type Reading = StreamReading<any, any> | TagReading<any>;
/** What a decision reads, by names. */
export type Readings = Readonly<Record<string, Reading>>;

/** The state of each reading, by its name. */
export type StatesOf<R extends Readings> = {
  readonly [Name in keyof R]: R[Name] extends StreamReading<infer State, EventType>
    ? State
    : R[Name] extends TagReading<infer State>
      ? State
      : never;
};

/** New events for some of the aggregates that were read, by their names. */
export type Decision<R extends Readings> = {
  readonly [Name in keyof R]?: R[Name] extends StreamReading<unknown, infer Type> ? readonly NewEvent<Type>[] : never;
};

/** Reads an aggregate for {@link decideOver}. */
export const inStream = <State, Command, Type extends EventType>(
  decider: Decider<State, Command, Type>,
  id: string,
): StreamReading<State, Type> => ({ stream: streamId(decider.aggregateType, id), fold: stateFold(decider) });

/** Reads all events of a tag for {@link decideOver}, folded to a state. The time grows with their number. */
export const withTag = <State>(
  tag: string,
  initialState: State,
  evolve: (state: State, event: DomainEvent) => State,
): TagReading<State> => ({ tag, initialState, evolve });

export type DecideOverOptions = Pick<CommandOptions, 'commitId' | 'digest' | 'defaults' | 'trace' | 'now' | 'states'>;

/** For writers of other processes; those of this one come in turn. */
const conflicts = contention(20, (error) => error instanceof TransactionConflictError);

/**
 * Decides over several aggregates and tags at once: loads them, decides, and appends all or none, on the condition that
 * nothing of what was read has changed. Starts over when another writer was faster. A `commitId` makes it idempotent: its
 * repeat writes nothing and gives the first result. A decision without events checks and writes nothing.
 * @param decide pure; the events of each aggregate under its name
 * @returns the transaction; undefined when nothing was decided
 * @throws the errors of `decide` and of {@link EventStore.transact}
 */
export async function decideOver<const R extends Readings>(
  store: EventStore,
  readings: R,
  decide: (states: StatesOf<R>, context: { readonly now: string }) => Decision<R>,
  { now = () => new Date(), states = new StateReader({ store }), ...options }: DecideOverOptions = {},
): Promise<TransactionResult | undefined> {
  const all = Object.entries(readings);
  const attempt = async (): Promise<TransactionResult | undefined> => {
    const { commitId, digest } = options;
    const earlier = commitId === undefined ? undefined : await store.findTransaction(commitId, digest);
    if (earlier) return earlier;
    const loaded = await Promise.all(
      all.map(async ([name, each]) => [name, each, await load(store, states, each)] as const),
    );
    const known = Object.fromEntries(loaded.map(([name, , { state }]) => [name, state])) as StatesOf<R>;
    const decided: Readonly<Record<string, readonly NewEvent[] | undefined>> = decide(known, {
      now: now().toISOString(),
    });
    const transaction = transactionOf(loaded, decided);
    return transaction.appends.length > 0 ? store.transact(transaction, options) : undefined;
  };
  const streams = all.flatMap(([, each]) => ('stream' in each ? [each.stream] : []));
  return store.writers.inTurns(streams, () => conflicts.execute(attempt));
}

async function load(store: EventStore, states: StateReader, reading: Reading): Promise<Folded<unknown>> {
  if ('stream' in reading) return states.load(reading.fold, reading.stream);
  let folded: Folded<unknown> = { state: reading.initialState, version: 0 };
  for await (const { number, events } of store.tagged(reading.tag)) {
    folded = { state: events.reduce((state, event) => reading.evolve(state, event), folded.state), version: number };
  }
  return folded;
}

/** Appends where events were decided, and holds everything else that was read to its version. */
function transactionOf(
  loaded: readonly (readonly [string, Reading, Folded<unknown>])[],
  decided: Readonly<Record<string, readonly NewEvent[] | undefined>>,
) {
  const streams = loaded.flatMap(([name, reading, { version }]) =>
    'stream' in reading ? [{ streamId: reading.stream, version, events: decided[name] ?? [] }] : [],
  );
  return {
    appends: streams
      .filter(({ events }) => events.length > 0)
      .map(({ version, ...append }) => ({ ...append, expectedVersion: version, headKnown: true })),
    checks: streams
      .filter(({ events }) => events.length === 0)
      .map(({ streamId, version }) => ({ streamId, version, headKnown: true })),
    conditions: loaded.flatMap(([, reading, { version: after }]) =>
      'tag' in reading ? [{ tag: reading.tag, after, headKnown: true }] : [],
    ),
  };
}

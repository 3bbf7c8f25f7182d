import type { Annals } from '../application/define-annals.ts';
import { streamId } from '../core/base/stream-id.ts';
import type { ExpectedVersion } from '../core/base/versions.ts';
import type { DomainEvent, EventType, NewEvent } from '../core/events/catalogue.ts';
import { type Decision, decideOver, type Readings, type StatesOf } from '../core/state/decide-over.ts';
import { type CommandResult, type Decider, handleCommand } from '../core/state/decider.ts';
import { type Folded, stateFold } from '../core/state/fold.ts';
import { appendRaw } from '../core/state/raw-append.ts';
import { transactRaw } from '../core/state/raw-transaction.ts';
import type { Past, StateReader } from '../core/state/state-reader.ts';
import type { AppendResult } from '../core/store/append-result.ts';
import type { EventStore } from '../core/store/event-store.ts';
import type { ReadOptions } from '../core/store/read-range.ts';
import type { Transaction, TransactionResult } from '../core/store/transaction.ts';

/** What a write may say besides its events. */
export interface WriteOptions {
  /** Idempotency key: a repeat of the write with the same key writes nothing and returns the first result. */
  readonly commitId?: string;
  /** Names the conversation of the events. */
  readonly correlationId?: string;
  /** The event or the command that caused the events. */
  readonly causationId?: string;
}

/** The streams of an application: commands, raw appends, events and states. */
export interface Streams {
  /**
   * Carries out a command: loads the state, decides, appends; starts over when another writer was faster.
   * @throws the errors of the aggregate's `decide`, mostly CommandRejectedError and NotFoundError
   */
  execute<State, Command, Type extends EventType>(
    aggregate: Decider<State, Command, Type>,
    id: string,
    command: NoInfer<Command>,
    options?: WriteOptions,
  ): Promise<CommandResult<State>>;
  /** The state of an aggregate and its version; with `version` or `at`, that of the past. */
  load<State, Command, Type extends EventType>(
    aggregate: Decider<State, Command, Type>,
    id: string,
    moment?: Past,
  ): Promise<Folded<State>>;
  /**
   * Appends 1 to 100 events to a stream without a command, all or none. The aggregate has to admit each event.
   * @param stream `<aggregateType>-<id>`
   * @throws ConcurrencyError, NotAdmittedError, ReservedTypeError, ValidationError
   */
  append(
    stream: string,
    events: readonly NewEvent[],
    options?: WriteOptions & {
      /** The version that the stream must have: 0 for no stream, `exists` for any but 0; `any` by default. */
      readonly expectedVersion?: ExpectedVersion;
    },
  ): Promise<AppendResult>;
  /**
   * Appends to several streams without a command, all or none; see docs/transactions.md. Each aggregate has to admit its
   * events.
   * @throws TransactionConflictError, NotAdmittedError, ReservedTypeError, ValidationError
   */
  transact(transaction: Transaction, options?: WriteOptions): Promise<TransactionResult>;
  /**
   * Decides over several aggregates and tags at once, and appends all or none while nothing of what was read has changed:
   * `decideOver({ worker: inStream(worker, 'w'), job: inStream(job, 'j') }, ({ worker, job }) => ({ worker: [...] }))`.
   * @returns undefined when nothing was decided
   */
  decideOver<const R extends Readings>(
    readings: R,
    decide: (states: StatesOf<R>, context: { readonly now: string }) => Decision<R>,
    options?: WriteOptions,
  ): Promise<TransactionResult | undefined>;
  /** The events of a stream one by one, fetched on demand. An empty stream yields nothing. */
  read(stream: string, options?: ReadOptions & { readonly limit?: number }): AsyncIterable<DomainEvent>;
}

/** The streams in a store. */
export function streamsOf(
  { aggregates }: Pick<Annals, 'aggregates'>,
  { store, states }: { readonly store: EventStore; readonly states: StateReader },
): Streams {
  return {
    execute: (aggregate, id, command, options) =>
      handleCommand(store, aggregate, id, command, { ...appendOptions(options), states }),
    load: (aggregate, id, moment) => {
      const stream = streamId(aggregate.aggregateType, id);
      return moment ? states.past(stateFold(aggregate), stream, moment) : states.load(stateFold(aggregate), stream);
    },
    append: (stream, events, { expectedVersion = 'any', ...options } = {}) =>
      appendRaw({ store, states, aggregates }, stream, events, { ...appendOptions(options), expectedVersion }),
    transact: (transaction, options) => transactRaw({ store, states, aggregates }, transaction, appendOptions(options)),
    decideOver: (readings, decide, options) =>
      decideOver(store, readings, decide, { ...appendOptions(options), states }),
    read: (stream, options) => store.read(stream, options),
  };
}

const appendOptions = ({ commitId, ...defaults }: WriteOptions = {}) => ({ commitId, defaults });

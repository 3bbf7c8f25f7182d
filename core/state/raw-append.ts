import { ConcurrencyError, NotAdmittedError, ReservedTypeError, ValidationError } from '../base/errors.ts';
import { parseStreamId } from '../base/stream-id.ts';
import type { ExpectedVersion, StreamVersion } from '../base/versions.ts';
import type { Catalogue, NewEvent } from '../events/catalogue.ts';
import { RESERVED_SOURCES } from '../events/envelope.ts';
import type { AppendOptions } from '../store/append-options.ts';
import { type AppendResult, repeatOf } from '../store/append-result.ts';
import { atAnyVersion, type EventStore } from '../store/event-store.ts';
import type { AnyDecider } from './decider.ts';
import { type Folded, stateFold } from './fold.ts';
import type { StateReader } from './state-reader.ts';

export interface RawAppendParts {
  readonly store: EventStore;
  readonly states: StateReader;
  readonly aggregates: readonly AnyDecider[];
}

type RawAppendOptions = Omit<AppendOptions, 'headKnown' | 'checked'>;

/**
 * Appends events without a command, as {@link EventStore.append} does, if the aggregate of the stream admits each event
 * in the state after the event before it. The state replaces the check of the head; the beginning of a stream needs
 * neither.
 * @throws ReservedTypeError for a type that only Annals writes
 * @throws NotAdmittedError for an event that no command could write; the message names the rule
 * @throws the errors of {@link EventStore.append}: a wrong `expectedVersion` is always a ConcurrencyError
 */
export async function appendRaw(
  parts: RawAppendParts,
  stream: string,
  events: readonly NewEvent[],
  options: RawAppendOptions,
): Promise<AppendResult> {
  const { aggregateType, aggregateId } = parseStreamId(stream);
  const { catalogue } = parts.store;
  const checked = await parts.store.check(stream, events);
  assertOpen(catalogue, events);
  const aggregate = parts.aggregates.find((decider) => decider.aggregateType === aggregateType);
  if (!aggregate) {
    assertStreamIds(catalogue, events, aggregateId);
    return parts.store.append(stream, events, { ...options, checked });
  }
  const append = new RawAppend(parts, aggregate, stream, events, { ...options, checked });
  const { expectedVersion } = options;
  if (expectedVersion === 0) return append.first();
  if (typeof expectedVersion === 'number') return append.attempt();
  return parts.store.writers.inTurn(stream, () => atAnyVersion.execute(() => append.attempt()));
}

/** One append to one aggregate, over all its attempts. */
class RawAppend {
  readonly #parts: RawAppendParts;
  readonly #aggregate: AnyDecider;
  readonly #stream: string;
  readonly #events: readonly NewEvent[];
  readonly #options: Omit<AppendOptions, 'headKnown'>;

  constructor(
    parts: RawAppendParts,
    aggregate: AnyDecider,
    stream: string,
    events: readonly NewEvent[],
    options: Omit<AppendOptions, 'headKnown'>,
  ) {
    this.#parts = parts;
    this.#aggregate = aggregate;
    this.#stream = stream;
    this.#events = events;
    this.#options = options;
  }

  /** An append at the beginning of the stream, which needs no read. */
  async first(): Promise<AppendResult> {
    try {
      return await this.#put({ state: this.#aggregate.initialState, version: 0 });
    } catch (error) {
      if (!(error instanceof NotAdmittedError)) throw error;
      return this.attempt(); // an existing stream is a conflict, or this append was carried out before
    }
  }

  async attempt(): Promise<AppendResult> {
    const { expectedVersion, commitId, digest } = this.#options;
    const key = { commitId, noted: digest !== undefined };
    const { repeat, ...loaded } = await this.#parts.states.load(stateFold(this.#aggregate), this.#stream, key);
    if (repeat) return repeatOf(repeat, digest);
    if (!isAt(loaded.version, expectedVersion)) {
      throw new ConcurrencyError(this.#stream, expectedVersion, loaded.version);
    }
    return this.#put(loaded);
  }

  async #put(loaded: Folded<unknown>): Promise<AppendResult> {
    const { store, states } = this.#parts;
    const { catalogue } = store;
    const of = { stream: this.#stream, events: this.#events };
    const state = admitted(catalogue, this.#aggregate, of, loaded.state);
    const place = { expectedVersion: loaded.version, headKnown: true };
    const appended = await store.append(this.#stream, this.#events, { ...this.#options, ...place });
    if (!appended.repeated) {
      const after = { state, version: appended.toVersion };
      states.written(stateFold(this.#aggregate), this.#stream, loaded.version, after, this.#options.commitId);
    }
    return appended;
  }
}

/**
 * Checks that an aggregate admits events, each in the state after the event before it.
 * @returns the state after the events
 * @throws NotAdmittedError that names the event
 */
export function admitted(
  catalogue: Catalogue,
  aggregate: AnyDecider,
  { stream, events }: { readonly stream: string; readonly events: readonly NewEvent[] },
  loaded: unknown,
): unknown {
  const { aggregateId: id } = parseStreamId(stream);
  assertStreamIds(catalogue, events, id);
  const now = new Date().toISOString();
  let state = loaded;
  for (const [index, event] of events.entries()) {
    ruled(index, event, () => aggregate.admits?.(state, event, { now, id }));
    state = aggregate.evolve(state, event as never); // `evolve` uses type and data
  }
  return state;
}

/** Whether a version is as expected. */
export function isAt(version: StreamVersion, expected: ExpectedVersion): boolean {
  if (expected === 'any') return true;
  return expected === 'exists' ? version > 0 : version === expected;
}

/** @throws ReservedTypeError, ValidationError for what only Annals writes */
export function assertOpen(catalogue: Catalogue, events: readonly NewEvent[]): void {
  for (const { type } of events) {
    if (catalogue.definitionOf(type)?.access === 'internal') throw new ReservedTypeError(type);
  }
  const issues = events.flatMap(({ source = '' }, index) => {
    const path = `events.${index}.source`;
    return RESERVED_SOURCES.has(source) ? [{ path, message: `${source} is a source that only Annals uses` }] : [];
  });
  if (issues.length > 0) throw new ValidationError(issues);
}

/** @throws NotAdmittedError for an event with the id of another stream */
export function assertStreamIds(catalogue: Catalogue, events: readonly NewEvent[], aggregateId: string): void {
  for (const [index, event] of events.entries()) {
    const members: readonly string[] = catalogue.definitionOf(event.type)?.streamIds ?? [];
    const data = event.data as Readonly<Record<string, unknown>>;
    const foreign = members.find((member) => data[member] !== aggregateId);
    if (foreign === undefined) continue;
    ruled(index, event, () => {
      throw new NotAdmittedError(`data.${foreign} has to be ${aggregateId}, the id of the stream`);
    });
  }
}

/** Adds the place of the event to the message. */
function ruled(index: number, { type }: NewEvent, admit: () => void): void {
  try {
    admit();
  } catch (error) {
    if (!(error instanceof NotAdmittedError)) throw error;
    throw new NotAdmittedError(`events.${index}, ${type}: ${error.message}`, { cause: error });
  }
}

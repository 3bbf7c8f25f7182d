import { ValidationError } from '../base/errors.ts';
import { contention } from '../base/races.ts';
import { streamId } from '../base/stream-id.ts';
import type { StreamVersion } from '../base/versions.ts';
import type { DomainEvent, EventType, NewEvent } from '../events/catalogue.ts';
import type { AppendOptions } from '../store/append-options.ts';
import { assertSameRequest } from '../store/append-result.ts';
import type { EventStore } from '../store/event-store.ts';
import { stateFold } from './fold.ts';
import { type Loaded, StateReader } from './state-reader.ts';

/** The input of `decide` besides state and command, so that it stays pure. */
export interface DecideContext {
  /** The instant of the command, ISO 8601. */
  readonly now: string;
  /** Id of the aggregate of the command. */
  readonly id: string;
}

/**
 * An aggregate as pure functions: from its events to its state, from state and command to new events.
 * After Jérémie Chassaing, "Functional Event Sourcing Decider" (2021).
 */
export interface Decider<State, Command, Type extends EventType> {
  readonly aggregateType: string;
  readonly initialState: State;
  /**
   * Raise it with each change of `evolve` that makes other states: snapshots of older states are then skipped. Default
   * 1.
   */
  readonly stateVersion?: number;
  /** The events of the command; none when nothing changes. @throws CommandRejectedError, NotFoundError */
  decide(state: State, command: Command, context: DecideContext): readonly NewEvent<Type>[];
  /** Pure, and of constant cost: a state that grows keeps its parts in maps that `withEntry` of growing-map.ts extends. */
  evolve(state: State, event: DomainEvent<Type>): State;
  /**
   * Checks a raw append; {@link admitsDecided} derives this from `decide`. Without it the aggregate admits every event.
   * @throws NotAdmittedError when no command could write this event in this state
   */
  admits?(state: State, event: NewEvent<Type>, context: DecideContext): void;
}

/** Any decider, for code that handles all deciders. */
// biome-ignore lint/suspicious/noExplicitAny: State, Command and Type appear in argument positions, so only any fits all
export type AnyDecider = Decider<any, any, any>;

export interface CommandOptions extends Pick<AppendOptions, 'commitId' | 'digest' | 'defaults' | 'trace'> {
  readonly now?: () => Date;
  /** When the command's events happened, ISO 8601; at most a day from now. The time of the append by default. */
  readonly timestamp?: string | undefined;
  /** Loads states; from whole streams by default. */
  readonly states?: StateReader | undefined;
}

export interface CommandResult<State> {
  /** The aggregate's state right after this command's events. */
  readonly state: State;
  /** Its version then. */
  readonly version: StreamVersion;
  /** True for a repeat of an earlier command with the same commit id; nothing was written. */
  readonly repeated: boolean;
}

/** For writers of other processes; those of this one come in turn. Measured under heavy contention: 2.7 attempts for each success. */
const conflicts = contention(20);

/** How far in the future the time of a command may lie, milliseconds: the clocks of senders differ. */
const MAX_AHEAD_MS = 24 * 60 * 60 * 1_000;

/**
 * Carries out a command: load, decide, append; starts over when another writer was faster. With a `commitId` a repeat
 * writes nothing and gives the first result. With a `digest` too, this holds for commands that changed nothing, and
 * another request with the `commitId` is refused.
 * @throws ValidationError for a `timestamp` in the far future
 * @throws the errors of `decide` and of {@link EventStore.append}
 */
export function handleCommand<State, Command, Type extends EventType>(
  store: EventStore,
  decider: Decider<State, Command, Type>,
  id: string,
  command: Command,
  options: CommandOptions = {},
): Promise<CommandResult<State>> {
  const stream = streamId(decider.aggregateType, id);
  const fold = stateFold(decider);
  const { now = () => new Date(), states = new StateReader({ store }), timestamp, ...append } = options;
  if (timestamp !== undefined) assertNotAhead(timestamp, now());
  const { commitId, digest } = append;
  const key = { commitId, noted: digest !== undefined };
  const attempt = async () => {
    const loaded = await states.load(fold, stream, key);
    if (loaded.repeat) return answerOf(loaded, digest);
    const decided = decider.decide(loaded.state, command, { now: now().toISOString(), id });
    const events = timestamp === undefined ? decided : decided.map((event) => ({ timestamp, ...event }));
    if (events.length === 0) {
      const { version } = loaded;
      if (commitId !== undefined && digest !== undefined) await store.note(stream, { commitId, digest, version });
      return answerOf(loaded);
    }
    const expectedVersion = loaded.version;
    const appended = await store.append(stream, events as readonly NewEvent[], {
      ...append,
      expectedVersion,
      headKnown: true,
    });
    // A concurrent repeat: answer with the state of the stored attempt, not with the state decided on here.
    if (appended.repeated) return answerOf(await states.load(fold, stream, key), digest);
    const stored = events.map((event, index) => ({ ...append.defaults, ...event, id: appended.eventIds[index] }));
    const after = { state: evolveAll(decider, loaded.state, stored), version: appended.toVersion };
    states.written(fold, stream, expectedVersion, after, commitId);
    return { ...after, repeated: false };
  };
  return store.writers.inTurn(stream, () => conflicts.execute(attempt));
}

/** @throws ValidationError for a time more than a day after `now` */
export function assertNotAhead(timestamp: string, now: Date): void {
  if (Date.parse(timestamp) - now.getTime() <= MAX_AHEAD_MS) return;
  throw new ValidationError([{ path: 'timestamp', message: 'is more than a day in the future' }]);
}

function answerOf<State>({ state, version, repeat }: Loaded<State>, digest?: string): CommandResult<State> {
  if (repeat) assertSameRequest(repeat, digest);
  return { state, version, repeated: repeat !== undefined };
}

/** New events replace stored events here: a decider's `evolve` uses type, data, and the ids of the envelope. */
function evolveAll<State, Command, Type extends EventType>(
  decider: Decider<State, Command, Type>,
  state: State,
  events: readonly object[],
): State {
  return events.reduce<State>((folded, event) => decider.evolve(folded, event as DomainEvent<Type>), state);
}

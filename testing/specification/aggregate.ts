import { AnnalsError, NotAdmittedError } from '../../core/base/errors.ts';
import type { DomainEvent, EventType, NewEvent } from '../../core/events/catalogue.ts';
import type { DecideContext, Decider } from '../../core/state/decider.ts';
import { parsedCommand } from '../command.ts';
import { type Assertion, assertSame, fail } from './assertions.ts';

/** An error's class, or a pattern of its message. */
// biome-ignore lint/suspicious/noExplicitAny: the arguments of any constructor of errors
export type Rejection = RegExp | (new (...args: any[]) => Error);

/** An aggregate with its history. */
export class GivenAggregate<State, Command, Type extends EventType> {
  readonly #decider: Decider<State, Command, Type>;
  readonly #state: State;
  readonly #context: DecideContext;

  constructor(
    decider: Decider<State, Command, Type>,
    history: readonly DomainEvent<Type>[],
    { now, id }: DecideContext,
  ) {
    this.#decider = decider;
    this.#state = history.reduce<State>((state, event) => decider.evolve(state, event), decider.initialState);
    this.#context = { now, id };
  }

  /** The aggregate gets a command. @throws ValidationError when the schema of the command refuses its data */
  when(command: Command): DecidedCommand<Type> {
    const parsed = parsedCommand(this.#decider, command);
    return new DecidedCommand(() => this.#decider.decide(this.#state, parsed, this.#context));
  }

  /** A caller appends an event without a command. The access of its type, `open` or `internal`, is not checked. */
  whenAppended(event: NewEvent<Type>): RawAppended {
    return new RawAppended(() => this.#decider.admits?.(this.#state, event, this.#context));
  }

  /** The state after the history. @throws AssertionError */
  thenState(expected: State): void {
    assertSame('the state differs', this.#state, expected, this.thenState);
  }
}

/** A command, not yet decided on. */
class DecidedCommand<Type extends EventType> {
  readonly #decide: () => readonly NewEvent<Type>[];

  constructor(decide: () => readonly NewEvent<Type>[]) {
    this.#decide = decide;
  }

  /**
   * The command writes these events: their types, their data, and those other members that `expected` names.
   * @throws AssertionError
   */
  thenEvents(expected: readonly NewEvent<Type>[]): void {
    const decided = this.#decided('events', this.thenEvents);
    assertSame('the command writes other events', named(decided, expected), expected, this.thenEvents);
  }

  /** The command changes nothing. @throws AssertionError */
  thenNothing(): void {
    assertSame('the command writes events', this.#decided('nothing', this.thenNothing), [], this.thenNothing);
  }

  /**
   * The rules refuse the command, and the error is all of this: of each class, with a message that fits each pattern.
   * Without arguments, any refusal will do. An error of a programming mistake is no refusal, and is thrown on.
   * @throws AssertionError
   */
  thenRejected(...expected: readonly Rejection[]): void {
    const { result, refusal } = attempt(this.#decide);
    if (refusal) assertRefusal('the command', refusal, expected, this.thenRejected);
    else fail(`the command is not rejected, it writes ${typesOf(result)}`, this.thenRejected, { actual: result });
  }

  #decided(expected: string, stackStartFn: Assertion): readonly NewEvent<Type>[] {
    const { result, refusal } = attempt(this.#decide);
    if (!refusal) return result;
    fail(`expected ${expected}, but the command is rejected: ${refusal.message}`, stackStartFn, { actual: refusal });
  }
}

/** An event of a caller, not yet admitted. */
class RawAppended {
  readonly #admit: () => void;

  constructor(admit: () => void) {
    this.#admit = admit;
  }

  /** The aggregate admits the event. @throws AssertionError */
  thenAdmitted(): void {
    const { refusal } = attempt(this.#admit);
    if (refusal) fail(`the event is refused: ${refusal.message}`, this.thenAdmitted, { actual: refusal });
  }

  /** The aggregate refuses the event; see {@link DecidedCommand.thenRejected}. @throws AssertionError */
  thenRefused(...expected: readonly Rejection[]): void {
    const { refusal } = attempt(this.#admit);
    if (refusal) assertRefusal('the event', refusal, [NotAdmittedError, ...expected], this.thenRefused);
    else fail('the event is admitted', this.thenRefused);
  }
}

type Attempt<Result> =
  | { readonly result: Result; readonly refusal?: never }
  | { readonly refusal: AnnalsError; readonly result?: never };

/** Calls a function that may refuse. An error that Annals does not throw on purpose is a mistake, and thrown on. */
function attempt<Result>(work: () => Result): Attempt<Result> {
  try {
    return { result: work() };
  } catch (error) {
    if (error instanceof AnnalsError) return { refusal: error };
    throw error;
  }
}

function assertRefusal(
  what: string,
  error: AnnalsError,
  expected: readonly Rejection[],
  stackStartFn: Assertion,
): void {
  const missed = expected.find((each) =>
    each instanceof RegExp ? !each.test(error.message) : !(error instanceof each),
  );
  if (missed === undefined) return;
  const wanted = missed instanceof RegExp ? missed : missed.name;
  fail(`${what} is refused for another reason: ${error.name}: ${error.message}\nexpected ${wanted}`, stackStartFn, {
    actual: error,
    expected: missed,
  });
}

/** The events without those members, besides type and data, that the expected event at the same place does not name. */
function named(events: readonly object[], expected: readonly object[]): object[] {
  return events.map((event, index) => {
    const wanted = new Set(['type', 'data', ...Object.keys(expected[index] ?? event)]);
    return Object.fromEntries(Object.entries(event).filter(([member]) => wanted.has(member)));
  });
}

const typesOf = (events: readonly { readonly type: string }[]): string =>
  events.map(({ type }) => type).join(', ') || 'nothing';

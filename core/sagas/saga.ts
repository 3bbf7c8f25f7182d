import { createHash } from 'node:crypto';
import type * as z from 'zod';
import type { DomainEvent, EventData, EventType, NewEvent } from '../events/catalogue.ts';
import type { Json } from '../events/json.ts';
import type { Decider } from '../state/decider.ts';
import type { SagaRun, SagaState } from './state.ts';

/** The input of the pure functions of a declaration. */
export interface SagaContext<Input> {
  readonly input: Input;
  /** Every item begun so far, in order. */
  readonly runs: readonly SagaRun[];
}

/** One item of a step that needs a command. */
export interface ItemContext<Input> extends SagaContext<Input> {
  readonly sagaId: string;
  readonly item: string;
  /** Counts from 1. */
  readonly attempt: number;
  /** The deadline of the answer, ISO 8601. */
  readonly deadline: string;
}

/** The context of an item of a saga. */
export const contextOf = (
  sagaId: string,
  { input, runs }: Pick<SagaState, 'input' | 'runs'>,
  { item, attempt, deadline }: SagaRun,
): ItemContext<unknown> => ({ sagaId, input, runs, item, attempt, deadline });

/** A command for a decider of the domain, of any type; {@link commandOf} makes it. */
export interface SagaCommand {
  // biome-ignore lint/suspicious/noExplicitAny: state and command types are the decider's own, checked by commandOf
  readonly decider: Decider<any, any, any>;
  readonly id: string;
  readonly command: unknown;
}

/** A command for the aggregate `id` and its decider. */
export function commandOf<State, Command, Type extends EventType>(
  decider: Decider<State, Command, Type>,
  id: string,
  command: Command,
): SagaCommand {
  return { decider, id, command };
}

/** Deepest nesting of what a saga keeps of an answer: its own events hold that some levels further down. */
export const MAX_OUTPUT_DEPTH = 24;

/** The way in which an event answers an item. */
export interface SagaAnswer<T extends EventType> {
  /**
   * The id of the saga's subject, for an event of another stream than the subject's. An answer that was stored before the
   * saga's start may be lost.
   */
  readonly subject?: (data: EventData<T>) => string;
  readonly item: (data: EventData<T>) => string;
  /** The reason of a failure; undefined when the item is done. */
  readonly fails?: (data: EventData<T>) => string | undefined;
  /** What the saga keeps of an answer that says done; nothing when it is nested deeper than {@link MAX_OUTPUT_DEPTH}. */
  readonly output?: (data: EventData<T>) => Json | undefined;
}

/** The parties that a step's items depend on, such as those that answer them. The end of a party ends its items. */
export interface Party<Input> {
  /** The aggregate of an item's party; undefined for an item without one. */
  readonly id: (item: string, context: SagaContext<Input>) => string | undefined;
  readonly aggregateType: string;
  /** The events that may be its end. */
  readonly endedBy: readonly EventType[];
  /** The reason why the party cannot answer after this event; undefined when it can. The end is the last event. */
  readonly fails: (event: DomainEvent) => string | undefined;
}

/** Further attempts at an item: pauses double, with jitter, up to the longest. */
export interface Retries<Input> {
  /** Most attempts after the first. */
  readonly limit: number;
  /** The attempts of this item; all by default. */
  readonly of?: (context: SagaContext<Input>, item: string) => number;
  readonly delaySeconds: number;
  readonly maxDelaySeconds: number;
}

/** A command that is sent while an item waits for its answer. */
export interface Reminder<Input> {
  /** From the begin of the attempt, seconds. */
  readonly afterSeconds: number;
  /** A command of an aggregate of the application, checked as its route would check it. */
  readonly command: (context: ItemContext<Input>) => SagaCommand;
}

/**
 * Declares a reminder of a step: a schedule that sends a command when an item has no answer after some time. It is
 * cancelled when the attempt or the saga ends.
 */
export const remind = <Input>(reminder: Reminder<Input>): Reminder<Input> => reminder;

/** A step: one item, several side by side, or one after the other until there is no next item. */
export interface SagaStep<Input> {
  readonly name: string;
  /** The step in words, for diagrams. */
  readonly title: string;
  /**
   * `parallel`: the items of one round, all at once. `sequence`: asked again after each round, until none is left.
   * A saga takes at most 100 items a round.
   */
  readonly kind: 'parallel' | 'sequence';
  /** The items of the next round; or the reason why the saga cannot continue. */
  readonly items: (context: SagaContext<Input>) => readonly string[] | { readonly fails: string };
  /** Asks for the answer; undefined when nobody has to be asked. */
  readonly command: (context: ItemContext<Input>) => SagaCommand | undefined;
  /**
   * Undoes an item that is completed, or begun without an answer. It may come without an earlier command of the item.
   * Undefined when there is nothing to undo.
   */
  readonly compensation: (context: ItemContext<Input> & { readonly reason: string }) => SagaCommand | undefined;
  /**
   * The command after the deadline of an item, in place of its failure: it closes the stream of the answer, whose last event
   * then is the answer. So an answer that was taken in time counts, however late the saga hears it. Undefined for an item
   * that fails.
   */
  readonly overdue?: (context: ItemContext<Input>) => SagaCommand | undefined;
  /** The id of the approval that an item waits for. */
  readonly approval?: (sagaId: string, item: string) => string | undefined;
  /** The signal that completes the items; one step of a saga waits for a signal of a name. */
  readonly signal?: { readonly name: string; readonly schema?: z.ZodType | undefined };
  /** The time to answer an item, from the start of its attempt. */
  readonly deadlineSeconds: (context: SagaContext<Input>, item: string) => number;
  /** The retries after a failure or a missed deadline; a refused command is not tried again. */
  readonly retries: Retries<Input>;
  /** The reminders of each attempt at an item; see {@link remind}. */
  readonly reminders?: readonly Reminder<Input>[];
  /** The party of each item, or several kinds of parties. */
  readonly party?: Party<Input> | readonly Party<Input>[];
}

/** The kinds of parties of a step. */
export const partiesOf = <Input>({ party = [] }: Pick<SagaStep<Input>, 'party'>): readonly Party<Input>[] =>
  [party].flat();

/**
 * The declaration of a saga: its start, its steps in order, their answers and compensations, its end. On one machine a
 * runner interprets it; on AWS it is compiled to a state machine. All functions are pure.
 *
 * The subject is the aggregate of the event that starts the saga. Answers are events of the same stream, unless they name
 * their subject. A subject has one saga of each declaration.
 */
export interface SagaDeclaration<Input extends object = object, Start extends EventType = EventType> {
  /** The first part of its sagas' ids. */
  readonly name: string;
  readonly description: string;
  readonly startedBy: Start;
  /** The facts of the first event that the saga needs; undefined when the event starts no saga. */
  readonly input: (event: DomainEvent<Start>) => Input | undefined;
  readonly answers: { readonly [T in EventType]?: SagaAnswer<T> };
  readonly steps: readonly SagaStep<Input>[];
  /** Further events at the end of the saga. */
  readonly completed?: (context: SagaContext<Input>) => NewEvent;
  readonly failed?: (context: SagaContext<Input>, reason: string) => NewEvent;
}

/** A saga of any input, for code that runs all sagas. */
// biome-ignore lint/suspicious/noExplicitAny: Input and Start appear in argument positions, so only any fits all
export type AnySaga = SagaDeclaration<any, any>;

/** Declares a saga; the types of its input and its answers derive from its events. */
export function defineSaga<Input extends object, const Start extends EventType>(
  declaration: SagaDeclaration<Input, Start>,
): SagaDeclaration<Input, Start> {
  return declaration;
}

/** The saga of a declaration for a subject: `<name>:<subject>`, the subject hashed where that is too long for an id. */
export function sagaIdOf({ name }: Pick<AnySaga, 'name'>, subject: string): string {
  const id = `${name}:${subject}`;
  return id.length <= 128 ? id : `${name}:${createHash('sha256').update(subject).digest('hex')}`;
}

/** The declaration that a saga's id names, if there is one. */
export function declarationOf(sagas: readonly AnySaga[], sagaId: string): AnySaga | undefined {
  return sagas.find(({ name }) => sagaId.startsWith(`${name}:`));
}

/** The id under which a command of a saga is carried out, however often it is tried. */
export function commandIdOf(
  sagaId: string,
  { step, item, attempt }: SagaRun,
  purpose: 'do' | 'undo' | 'close',
): string {
  const place = JSON.stringify(purpose === 'do' ? [sagaId, step, item, attempt] : [sagaId, step, item, purpose]);
  return `saga-${createHash('sha256').update(place).digest('hex').slice(0, 40)}`;
}

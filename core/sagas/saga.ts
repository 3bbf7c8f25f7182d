import { createHash } from 'node:crypto';
import type { DomainEvent, EventData, EventType, NewEvent } from '../events/catalogue.ts';
import type { Decider } from '../state/decider.ts';
import type { SagaRun } from './state.ts';

/** Any JSON value. */
export type Json = EventData<'task.completed'>['result'];

/** What the pure functions of a declaration may look at. */
export interface SagaContext<Input> {
  readonly input: Input;
  /** Everything that was begun so far, in the order in which it began. */
  readonly runs: readonly SagaRun[];
}

/** One item of a step, for which a command is wanted. */
export interface ItemContext<Input> extends SagaContext<Input> {
  readonly item: string;
  /** Counts from 1. */
  readonly attempt: number;
  /** When the answer has to be there, ISO 8601. */
  readonly deadline: string;
}

/** A command for a decider of the domain, whatever its types; {@link commandOf} makes one. */
export interface SagaCommand {
  // biome-ignore lint/suspicious/noExplicitAny: state and command types are the decider's own, checked by commandOf
  readonly decider: Decider<any, any, any>;
  readonly id: string;
  readonly command: unknown;
}

/** A command for the aggregate `id`, as its decider takes it. */
export function commandOf<State, Command, Type extends EventType>(
  decider: Decider<State, Command, Type>,
  id: string,
  command: Command,
): SagaCommand {
  return { decider, id, command };
}

/** Deepest nesting of what a saga keeps of an answer: its own events hold that some levels further down. */
export const MAX_OUTPUT_DEPTH = 24;

/** How an event of the saga's subject answers an item. */
export interface SagaAnswer<T extends EventType> {
  readonly item: (data: EventData<T>) => string;
  /** Why the item failed; undefined when the event says that it is done. */
  readonly fails?: (data: EventData<T>) => string | undefined;
  /** What the saga keeps of an answer that says done; nothing when it is nested deeper than {@link MAX_OUTPUT_DEPTH}. */
  readonly output?: (data: EventData<T>) => Json | undefined;
}

/** Who does a step's items: agents, whose end is the end of what they were doing. */
export interface Party {
  /** The aggregate that does an item. */
  readonly id: (item: string) => string;
  readonly aggregateType: string;
  /** The events that may be its end. */
  readonly endedBy: readonly EventType[];
  /** Why nobody can expect an answer of it after this event; undefined when one can. No event comes after its end. */
  readonly fails: (event: DomainEvent) => string | undefined;
}

/** Further attempts at an item: pauses double, with jitter, up to the longest. */
export interface Retries<Input> {
  /** Most attempts after the first. */
  readonly limit: number;
  /** How many of those this item has; all by default. */
  readonly of?: (context: SagaContext<Input>, item: string) => number;
  readonly delaySeconds: number;
  readonly maxDelaySeconds: number;
}

/** A step: done for one item, for several side by side, or one after the other until there is no next. */
export interface SagaStep<Input> {
  readonly name: string;
  /** What happens here, in words, for diagrams. */
  readonly title: string;
  /**
   * `parallel`: the items of one round, all at once. `sequence`: asked again after each round, until none is left.
   * A saga takes at most 100 items a round.
   */
  readonly kind: 'parallel' | 'sequence';
  /** The items of the next round; or why the saga cannot go on. */
  readonly items: (context: SagaContext<Input>) => readonly string[] | { readonly fails: string };
  readonly command: (context: ItemContext<Input>) => SagaCommand;
  /** Undoes an item that was done, or begun and not answered. It may come without the item's command before it. */
  readonly compensation: (context: ItemContext<Input> & { readonly reason: string }) => SagaCommand;
  /** The time to answer an item, from the start of its attempt. */
  readonly deadlineSeconds: (context: SagaContext<Input>, item: string) => number;
  /** What happens when an item failed or was not answered in time; one that the rules refused is not tried again. */
  readonly retries: Retries<Input>;
  readonly party?: Party;
}

/**
 * A saga, declared once: what starts it, its steps in their order, what answers them, what undoes them, how it ends.
 * Embedded, a runner interprets it; on AWS it is compiled to a state machine. All functions are pure.
 *
 * Its subject is the aggregate whose event starts it: answers are events of the same stream, and there is one saga of a
 * kind per subject.
 */
export interface SagaDeclaration<Input extends object = object, Start extends EventType = EventType> {
  /** First part of its sagas' ids. */
  readonly name: string;
  readonly description: string;
  readonly startedBy: Start;
  /** What the saga has to know of the event; undefined when this one starts none. */
  readonly input: (event: DomainEvent<Start>) => Input | undefined;
  readonly answers: { readonly [T in EventType]?: SagaAnswer<T> };
  readonly steps: readonly SagaStep<Input>[];
  /** What the saga says of its end, besides that it ended. */
  readonly completed?: (context: SagaContext<Input>) => NewEvent;
  readonly failed?: (context: SagaContext<Input>, reason: string) => NewEvent;
}

/** A saga whatever its input, for code that runs them all. */
// biome-ignore lint/suspicious/noExplicitAny: Input and Start appear in argument positions, so only any fits all
export type AnySaga = SagaDeclaration<any, any>;

/** Declares a saga; the types of its input and of its answers follow from the events it names. */
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
export function commandIdOf(sagaId: string, { step, item, attempt }: SagaRun, purpose: 'do' | 'undo'): string {
  const place = JSON.stringify(purpose === 'do' ? [sagaId, step, item, attempt] : [sagaId, step, item, 'undo']);
  return `saga-${createHash('sha256').update(place).digest('hex').slice(0, 40)}`;
}

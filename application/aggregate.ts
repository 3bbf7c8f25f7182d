import type * as z from 'zod';
import type { ErrorCode } from '../core/base/errors.ts';
import type { StreamVersion } from '../core/base/versions.ts';
import type { DefinitionOf, DomainEvent, EventType, NewEvent } from '../core/events/catalogue.ts';
import type { JsonObject } from '../core/events/json.ts';
import type { Claiming } from '../core/leases/claiming.ts';
import type { ProjectionOf } from '../core/projections/projection.ts';
import { admitsCommands } from '../core/state/admission.ts';
import type { DecideContext, Decider } from '../core/state/decider.ts';
import type { Stretch } from '../core/state/lineage.ts';

/** The effect of a command: the aggregate's id, and its state and version right after. */
export interface Effect<State> {
  readonly id: string;
  readonly state: State;
  readonly version: StreamVersion;
}

/** A command of an aggregate: its data, and how callers reach it over HTTP. */
export interface CommandDeclaration<Body extends z.ZodObject = z.ZodObject> {
  /**
   * The data, without the aggregate's id. Unknown members are refused, unless the body has a catchall. Its refinements
   * and transforms are synchronous.
   */
  readonly body: Body;
  /** Only sagas send the command; it has no route. */
  readonly internal?: boolean;
  /** The command begins a stream: its route has no id in its path, and the body may give the id. */
  readonly creates?: boolean;
  /** The last part of the path, `POST /invoices/{invoiceId}/<path>`; by default the name of the command. */
  readonly path?: string;
  /** The name of the operation; by default that of the command and the aggregate, such as `payInvoice`. */
  readonly operation?: string;
  readonly summary?: string;
  readonly description?: string;
  /** Status of a success. 201 becomes 200 for a repeat; other statuses stay. Default 201. */
  readonly status?: 200 | 201 | 202;
  /** The meaning of the status. */
  readonly done?: string;
  /** Refusals besides those of every command. */
  readonly errors?: readonly ErrorCode[];
  /** The answer; by default the aggregate's id and its version. */
  readonly answer?: z.ZodObject;
  // biome-ignore lint/suspicious/noExplicitAny: the state of an aggregate appears in argument positions, so only any fits all
  readonly reply?: (effect: Effect<any>) => Readonly<Record<string, unknown>>;
}

/** The commands of an aggregate, by name. */
export type CommandDeclarations = Readonly<Record<string, CommandDeclaration>>;

/** A command as `decide` gets it: its name as `kind`, and its data. */
export type CommandOf<Commands extends CommandDeclarations> = {
  [Kind in keyof Commands & string]: { readonly kind: Kind } & DataOf<Commands[Kind]['body']>;
}[keyof Commands & string];

/** The type of an object without members allows no other member, so it would refuse `kind`. */
type DataOf<Body extends z.ZodObject> =
  z.output<Body> extends Readonly<Record<string, never>> ? unknown : z.output<Body>;

/** The event types of an aggregate's streams. */
export type EventTypesOf<Home extends string> = {
  [Type in EventType]: DefinitionOf<Type> extends { readonly aggregateType: infer Declared }
    ? Home extends Declared
      ? Type
      : never
    : never;
}[EventType];

/** A filter of a list: the values that it takes, and the views that pass. */
export interface ListFilter<View> {
  readonly value: z.ZodType<string, string>;
  readonly passes: (view: View, value: string) => boolean;
}

/** The view of an aggregate, and its list: `GET /invoices/{invoiceId}` and `GET /invoices`. */
export interface AggregateView<View extends object = object> {
  readonly projection: ProjectionOf<View>;
  /** The members of a view besides `version`; any when absent. A function, so that only processes that answer build it. */
  readonly schema?: () => z.ZodObject;
  readonly summary?: string;
  readonly listSummary?: string;
  /** Filters of the list besides `state`, which names a group of the projection. */
  readonly filters?: Readonly<Record<string, ListFilter<View>>>;
}

/** What begins a fork: its id, the moment of its parent, and the parent’s view then. */
export interface Fork<View> {
  readonly id: string;
  readonly parentId: string;
  readonly atVersion: StreamVersion;
  readonly past: View | undefined;
  /** What the caller changes in the fork; only of an aggregate whose forks run on. */
  readonly changes?: JsonObject | undefined;
  /** Where the shared history is, from its beginning on; only of a fork that runs on. */
  readonly history?: readonly Stretch[] | undefined;
}

/** Work that starts with a fork: the first events of another stream, and what the answer says of it. */
export interface ForkWork {
  readonly aggregateType: string;
  readonly id: string;
  readonly events: readonly NewEvent[];
  readonly answer: Readonly<Record<string, string>>;
}

/** How the forks of an aggregate run on: the work that goes on from the moment of the fork. */
export interface RunningFork<View = object> {
  /** The order of the work, `run` in the request; with `true` in its place every member is absent. */
  readonly order: z.ZodObject;
  /** The members of the answer about the work: texts. */
  readonly answer: z.ZodObject;
  /** The work of a fork. Pure. @throws CommandRejectedError when nothing can run on from there */
  readonly work: (fork: Fork<View>, order: Readonly<Record<string, unknown>>, now: string) => ForkWork;
}

/** What an event took: milliseconds, and resources by name. */
export interface Cost {
  readonly durationMs?: number;
  readonly usage?: Readonly<Record<string, number>>;
}

/** How two streams of an aggregate are compared: `GET /invoices/{invoiceId}/diff`. */
export interface Comparing {
  /** The text by which events are aligned, besides their type. */
  readonly action?: (event: DomainEvent) => string | undefined;
  /** Members of data that differ between any two streams, besides the stream's ids. */
  readonly circumstances?: readonly string[];
  /** The cost of an event, shown beside the comparison and summed. */
  readonly cost?: (event: DomainEvent) => Cost | undefined;
}

/** An aggregate: its decider, and what it offers to callers. */
export interface Aggregate<
  State = unknown,
  Command = unknown,
  Type extends EventType = EventType,
  View extends object = object,
  Commands extends CommandDeclarations = CommandDeclarations,
> extends Decider<State, Command, Type> {
  /** The first part of its paths, `/invoices`. */
  readonly plural: string;
  readonly commands: Commands;
  readonly view?: AggregateView<View> | undefined;
  /** The first event of a fork, of a type with `continues`; aggregates without it have no forks. */
  readonly fork?: ((fork: Fork<View>) => NewEvent) | undefined;
  /** Forks that run on take `changes` and `run`; without it no fork does. */
  readonly forkRuns?: RunningFork<View> | undefined;
  /** How two of its streams are compared; without it there is no comparison. */
  readonly compare?: Comparing | undefined;
  /** How agents claim its work, from the inboxes that its view names; without it there is nothing to claim. */
  readonly work?: Claiming<State, Command> | undefined;
}

/** Any aggregate, for code that handles all of them. */
// biome-ignore lint/suspicious/noExplicitAny: as for AnyDecider
export type AnyAggregate = Aggregate<any, any, any, any, CommandDeclarations>;

interface Declaration<State, Home extends string, Commands extends CommandDeclarations, View extends object>
  extends Omit<
    Aggregate<State, CommandOf<Commands>, EventTypesOf<Home>, View>,
    'aggregateType' | 'plural' | 'commands' | 'decide' | 'evolve'
  > {
  readonly aggregateType: Home;
  /** The first part of its paths; by default the aggregate type with an `s`. */
  readonly plural?: string;
  readonly commands: Commands;
  decide(
    state: NoInfer<State>,
    command: CommandOf<Commands>,
    context: DecideContext,
  ): readonly NewEvent<EventTypesOf<Home>>[];
  evolve(state: NoInfer<State>, event: DomainEvent<EventTypesOf<Home>>): NoInfer<State>;
}

/**
 * Declares an aggregate. Its commands get routes: `POST /invoices` for a command that creates, else
 * `POST /invoices/{invoiceId}/<command>`. Without `admits`, a raw append is admitted when a public command would write
 * exactly its event, with the data of the event as the data of the command.
 *
 * `evolve` needs its result type where the state has a union of texts: `evolve(invoice, event): Invoice { ... }`.
 */
export function defineAggregate<
  State,
  const Home extends string,
  const Commands extends CommandDeclarations,
  View extends object = object,
>(
  declaration: Declaration<State, Home, Commands, View>,
): Aggregate<State, CommandOf<Commands>, EventTypesOf<Home>, View, Commands> {
  const { aggregateType, plural = `${aggregateType}s`, commands } = declaration;
  const open = Object.entries(commands).filter(([, { internal }]) => !internal);
  const admitting = open.map(([kind, { body }]) => ({ kind, data: body.strip() }));
  return {
    ...declaration,
    plural,
    admits: declaration.admits ?? admitsCommands(declaration.decide, admitting),
  };
}

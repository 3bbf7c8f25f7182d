import type * as z from 'zod';
import type { JsonObject } from './json.ts';

/** Domain events belong to an aggregate, integration events tell of another system, system events of the machinery. */
export type EventKind = 'domain' | 'integration' | 'system';

/**
 * Who may append events of a type. `open`: whoever may write to the stream, if its aggregate admits the event. `internal`:
 * only commands and the machinery.
 */
export type EventAccess = 'open' | 'internal';

/** A moment of a stream: right after the event of that sequence number. */
export interface Origin {
  readonly stream: string;
  readonly version: number;
}

/** Takes the data of an event from one version of its schema to the next. Pure, and given a copy of its own. */
export type Upcaster = (data: JsonObject) => JsonObject;

/** Everything Annals knows of an event type; types, validation and OpenAPI derive from it. */
export interface EventDefinition<
  Type extends string = string,
  Data extends z.ZodObject = z.ZodObject,
  Kind extends EventKind = EventKind,
> {
  /** `<subject>.<what-happened>` */
  readonly type: Type;
  readonly kind: Kind;
  readonly access: EventAccess;
  /** Current version of the data's schema, from 1. `samples/<type>.v<N>.json` holds one event of each version. */
  readonly version: number;
  /** From each older version to the one after it, the one from version 1 first. Applied when an event is read, never to what is stored. */
  readonly upcasters?: readonly Upcaster[];
  /** Which streams it may stand in: those named `<aggregateType>-<id>`. */
  readonly aggregateType: string;
  readonly description: string;
  readonly data: Data;
  /** Members of `data` that name the aggregate whose stream the event stands in: each has to be that stream's id. */
  readonly streamIds?: readonly (keyof z.output<Data> & string)[];
  /**
   * Given for a type that may begin a fork: the moment that the stream goes on from. The history up to there is that of
   * the other stream, which is of the same aggregate type. Only the first event of a stream is asked.
   */
  continues?(data: z.output<Data>): Origin;
  /** Members of `data` that may hold secrets or personal data. */
  readonly sensitive: readonly (keyof z.output<Data> & string)[];
}

/**
 * Declares an event type. The types of all its uses follow from this one value.
 * @throws Error when an older version has no upcaster
 */
export function defineEvent<const Type extends string, Data extends z.ZodObject, const Kind extends EventKind>(
  definition: EventDefinition<Type, Data, Kind>,
): EventDefinition<Type, Data, Kind> {
  assertUpcasters(definition);
  return definition;
}

/** An event type that is written no more: it was renamed, or split into several. What is stored of it is read as others. */
export interface RetiredEvent<Successor extends string = string> {
  readonly type: string;
  /** The last version there was. */
  readonly version: number;
  readonly upcasters?: readonly Upcaster[];
  /** The types that it may be read as; whoever looks for those by type looks for this one, too. */
  readonly successors: readonly Successor[];
  /**
   * What an event of the last version is read as: one of the successors, by what is in it. One event stays one event, for
   * its sequence number is its address.
   */
  succeed(data: JsonObject): { readonly type: Successor; readonly version: number; readonly data: JsonObject };
}

/** Declares a type that was renamed or split. @throws Error when an older version has no upcaster */
export function retireEvent<const Successor extends string>(retired: RetiredEvent<Successor>): RetiredEvent<Successor> {
  assertUpcasters(retired);
  return retired;
}

function assertUpcasters({
  type,
  version,
  upcasters = [],
}: Pick<EventDefinition, 'type' | 'version' | 'upcasters'>): void {
  if (upcasters.length === version - 1) return;
  throw new Error(`${type} is of version ${version} and needs ${version - 1} upcasters, it has ${upcasters.length}`);
}

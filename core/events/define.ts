import type * as z from 'zod';
import { isAggregateType } from '../base/stream-id.ts';
import type { SchemaVersion, StreamVersion } from '../base/versions.ts';
import type { JsonObject } from './json.ts';
import { typeName } from './open-types.ts';

/**
 * Domain events belong to an aggregate, integration events come from another system, system events from the machinery.
 */
export type EventKind = 'domain' | 'integration' | 'system';

/**
 * The writers of an event type. `open`: every caller, if the aggregate admits the event. `internal`: only commands and
 * the machinery.
 */
export type EventAccess = 'open' | 'internal';

/** A moment of a stream: right after the event of that sequence number. */
export interface Origin {
  readonly stream: string;
  readonly version: StreamVersion;
}

/** Converts the data of an event from one version of its schema to the next. Pure; gets a private copy. */
export type Upcaster = (data: JsonObject) => JsonObject;

/** The declaration of an event type; types, validation and OpenAPI derive from it. */
export interface EventDefinition<
  Type extends string = string,
  Data extends z.ZodObject = z.ZodObject,
  Kind extends EventKind = EventKind,
  Home extends string = string,
> {
  /** `<subject>.<what-happened>` */
  readonly type: Type;
  readonly kind: Kind;
  readonly access: EventAccess;
  /** Current version of the data's schema, from 1. `samples/<type>.v<N>.json` holds one event of each version. */
  readonly version: SchemaVersion;
  /** One upcaster for each older version, from version 1 on. Reading applies them; stored events never change. */
  readonly upcasters?: readonly Upcaster[];
  /** The streams of the type: `<aggregateType>-<id>`. */
  readonly aggregateType: Home;
  readonly description: string;
  readonly data: Data;
  /** Members of `data` that have to be the id of the stream. */
  readonly streamIds?: readonly (keyof z.output<Data> & string)[];
  /**
   * For a type that may begin a fork: the moment that the stream continues. The history up to it is that of the other
   * stream, of the same aggregate type. Only the first event of a stream counts.
   */
  continues?(data: z.output<Data>): Origin;
  /**
   * The tags of an event, by which it is found and counted over all streams: what a rule across streams is about, such
   * as `course:c1`. Ids of 1 to 128 characters, at most 10. Pure. Each costs a further item with the commit.
   */
  tags?(data: z.output<Data>): readonly string[];
  /** Members of `data` that may hold secrets or personal data. */
  readonly sensitive: readonly (keyof z.output<Data> & string)[];
}

/**
 * Declares an event type. The types of all its uses follow from this one value.
 * @throws Error when an older version has no upcaster, a name has a wrong form, or a named member of the data does not exist
 */
export function defineEvent<
  const Type extends string,
  Data extends z.ZodObject,
  const Kind extends EventKind,
  const Home extends string,
>(definition: EventDefinition<Type, Data, Kind, Home>): EventDefinition<Type, Data, Kind, Home> {
  assertName(definition);
  assertUpcasters(definition);
  assertMembers(definition);
  return definition;
}

function assertName({ type, aggregateType }: Pick<EventDefinition, 'type' | 'aggregateType'>): void {
  const fault = typeName.safeParse(type).error?.issues[0]?.message;
  if (fault !== undefined) throw new Error(`event type ${type} ${fault}`);
  if (isAggregateType(aggregateType)) return;
  throw new Error(
    `${type}: the aggregate type ${aggregateType} must be 1 to 32 lower-case letters and digits, a letter first`,
  );
}

/** A wrong name would leave an id unchecked, or a secret unprotected. */
function assertMembers({
  type,
  data,
  streamIds = [],
  sensitive,
}: Pick<EventDefinition, 'type' | 'data'> & {
  readonly streamIds?: readonly string[];
  readonly sensitive: readonly string[];
}): void {
  const unknown = [...streamIds, ...sensitive].find((member) => !Object.hasOwn(data.shape, member));
  if (unknown !== undefined) throw new Error(`${type}: its data has no member ${unknown}`);
}

/** An event type that is no longer written: it was renamed or split. Its stored events are read as other types. */
export interface RetiredEvent<Successor extends string = string> {
  readonly type: string;
  /** The last version. */
  readonly version: SchemaVersion;
  readonly upcasters?: readonly Upcaster[];
  /** The successors; a filter by a successor includes this type. */
  readonly successors: readonly Successor[];
  /**
   * Converts an event of the last version to one of the successors, by its data. One event stays one event: its
   * sequence number is its address.
   */
  succeed(data: JsonObject): { readonly type: Successor; readonly version: SchemaVersion; readonly data: JsonObject };
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

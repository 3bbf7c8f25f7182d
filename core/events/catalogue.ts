import * as z from 'zod';
import type { SchemaVersion, StreamVersion } from '../base/versions.ts';
import { approvalEvents } from './approval.ts';
import { budgetEvents } from './budget.ts';
import type { EventDefinition, RetiredEvent } from './define.ts';
import { envelopeInput, type eventCategory, type eventSeverity, recordedEnvelope, systemEnvelope } from './envelope.ts';
import { eventTypeEvents } from './event-type.ts';
import type { JsonObject } from './json.ts';
import { declaredOrOpen, openInput, openRecorded, subjectOf, type UnknownEvents } from './open-types.ts';
import { RetiredTypes } from './retired-types.ts';
import { sagaEvents } from './saga.ts';
import { scheduleEvents } from './schedule.ts';
import { storedForm } from './stored-form.ts';
import { subscriptionEvents } from './subscription.ts';

/**
 * Every module registers its event types here under its name, and every type below derives from them: `declare module
 * '.../core/events/catalogue.ts' { interface Register { billing: typeof billingEvents } }`. Without a registration an
 * event has any type and its data is JSON.
 */
// biome-ignore lint/suspicious/noEmptyInterface: modules add their members by declaration merging
export interface Register {}

type Registered = Register[keyof Register];

/** The events of sagas, approvals, the registry of types, schedules, budgets and subscriptions are those of core itself. */
type Definition =
  | (typeof sagaEvents)[number]
  | (typeof approvalEvents)[number]
  | (typeof eventTypeEvents)[number]
  | (typeof scheduleEvents)[number]
  | (typeof budgetEvents)[number]
  | (typeof subscriptionEvents)[number]
  | ([Registered] extends [never]
      ? EventDefinition
      : Registered extends readonly (infer Declared extends EventDefinition)[]
        ? Declared
        : never);

/** The name of an event type. */
export type EventType = Definition['type'];

/** The declaration of an event type. */
export type DefinitionOf<T extends EventType> = Extract<Definition, { type: T }>;

/** The data of an event of that type. */
export type EventData<T extends EventType> = z.output<DefinitionOf<T>['data']>;

type SystemEnvelope<T extends EventType> =
  DefinitionOf<T> extends EventDefinition<string, z.ZodObject, 'system'>
    ? { readonly severity: z.output<typeof eventSeverity>; readonly category: z.output<typeof eventCategory> }
    : unknown;

interface EnvelopeInput {
  readonly id?: string | undefined;
  readonly timestamp?: string | undefined;
  readonly source?: string | undefined;
  readonly correlationId?: string | undefined;
  readonly causationId?: string | undefined;
  readonly metadata?: JsonObject | undefined;
}

/** A new event; the store adds the rest of the envelope. */
export type NewEvent<T extends EventType = EventType> = {
  [K in T]: EnvelopeInput & { readonly type: K; readonly data: EventData<K> } & SystemEnvelope<K>;
}[T];

interface Envelope {
  readonly id: string;
  readonly version: SchemaVersion;
  /** When it happened; ISO 8601, UTC, milliseconds. */
  readonly timestamp: string;
  readonly source: string;
  readonly correlationId?: string;
  readonly causationId?: string;
  readonly metadata: JsonObject & { readonly recordedAt: string };
  readonly aggregateId: string;
  readonly aggregateType: string;
  readonly sequenceNumber: StreamVersion;
  /** The opaque position, for events of the log. */
  readonly position?: string;
}

/** A stored event: `DomainEvent<'saga.started'>` has that type's data. */
export type DomainEvent<T extends EventType = EventType> = {
  [K in T]: Envelope & { readonly type: K; readonly data: EventData<K> } & SystemEnvelope<K>;
}[T];

/** The event types that an application has, as a value. Every part of the mechanism that needs them is given it. */
export interface Catalogue {
  readonly definitions: readonly EventDefinition[];
  /** The types that were renamed or split. */
  readonly retired: RetiredTypes;
  /** The aggregate types that occur, each once. */
  readonly aggregateTypes: readonly string[];
  /** The declaration of an event type; undefined for an unknown name. */
  definitionOf(type: string): EventDefinition | undefined;
  /** Whether streams take events of types that are neither declared nor registered. */
  readonly unknownEvents: UnknownEvents;
  /** Whether a type is free in the streams of an aggregate type: no module declares either of the two. */
  isOpen(aggregateType: string, type: string): boolean;
  /** Why a name cannot be that of an open type; undefined when it can. */
  openFault(type: string): string | undefined;
  /** Parses an event of a caller: valid data of a declared type, or the form of an open type; no unknown member. */
  readonly newEvent: z.ZodType<NewEvent>;
  /** Parses an event that readers and the bus get. The first call builds the schema. */
  recordedEvent(): z.ZodType<DomainEvent>;
}

export interface CatalogueOptions {
  /** The types that are no longer written, in any order; none by default. */
  readonly retired?: readonly RetiredEvent[];
  /** Whether streams take events of types that are neither declared nor registered; `refuse` by default. */
  readonly unknownEvents?: UnknownEvents;
}

/** The event types of core itself. Every catalogue has them. */
const coreEvents: readonly EventDefinition[] = [
  ...sagaEvents,
  ...approvalEvents,
  ...eventTypeEvents,
  ...scheduleEvents,
  ...budgetEvents,
  ...subscriptionEvents,
];

/** The aggregate types whose streams only core writes. */
export const coreAggregateTypes: ReadonlySet<string> = new Set(coreEvents.map(({ aggregateType }) => aggregateType));

/**
 * Builds the catalogue of event types: those given, and those of core itself.
 * @throws Error when a type is declared twice, or a retired type leads nowhere; see {@link RetiredTypes}
 */
export function catalogueOf(
  declared: readonly EventDefinition[],
  { retired: retiredEvents = [], unknownEvents = 'refuse' }: CatalogueOptions = {},
): Catalogue {
  const definitions: readonly EventDefinition[] = [...declared, ...coreEvents];
  const byType: ReadonlyMap<string, EventDefinition> = new Map(definitions.map((each) => [each.type, each]));
  if (byType.size < definitions.length) {
    const types = definitions.map(({ type }) => type);
    throw new Error(`event type ${types.find((type, index) => types.indexOf(type) !== index)} is declared twice`);
  }
  const retired = new RetiredTypes((type) => byType.has(type), retiredEvents);
  const aggregateTypes = new Set(definitions.map(({ aggregateType }) => aggregateType));
  const subjects = new Set([...definitions, ...retiredEvents].map(({ type }) => subjectOf(type)));
  const isDeclared = (type: unknown) => typeof type === 'string' && byType.has(type);
  const openFault = (type: string) => {
    if (!subjects.has(subjectOf(type))) return undefined;
    const known = [...byType.keys()].filter((each) => subjectOf(each) === subjectOf(type));
    return `is not a known event type${known.length > 0 ? `; known are ${known.join(', ')}` : ''}`;
  };
  const faultOf = (type: unknown) => (typeof type !== 'string' || isDeclared(type) ? undefined : openFault(type));
  let recorded: z.ZodType<DomainEvent> | undefined;
  return {
    definitions,
    retired,
    aggregateTypes: [...aggregateTypes],
    definitionOf: (type) => byType.get(type),
    unknownEvents,
    isOpen: (aggregateType, type) =>
      !aggregateTypes.has(aggregateType) && !byType.has(type) && retired.get(type) === undefined,
    openFault,
    // The casts: the maps lose which data belongs to which type.
    newEvent: declaredOrOpen(
      [newEventSchema(definitions), openInput],
      isDeclared,
      faultOf,
    ) as unknown as z.ZodType<NewEvent>,
    recordedEvent() {
      const either = () => declaredOrOpen([recordedEventSchema(definitions), openRecorded], isDeclared);
      recorded ??= either() as unknown as z.ZodType<DomainEvent>;
      return recorded;
    },
  };
}

type NonEmpty<T> = [T, ...T[]];

function newEventSchema(definitions: readonly EventDefinition[]) {
  return z.discriminatedUnion('type', definitions.map(inputSchema) as NonEmpty<ReturnType<typeof inputSchema>>);
}

function inputSchema(definition: EventDefinition) {
  return z
    .strictObject({
      type: z.literal(definition.type),
      data: definition.data,
      ...envelopeInput,
      ...(definition.kind === 'system' ? systemEnvelope : {}),
    })
    .describe(definition.description);
}

function recordedEventSchema(definitions: readonly EventDefinition[]) {
  return z.discriminatedUnion('type', definitions.map(recordedSchema) as NonEmpty<ReturnType<typeof recordedSchema>>);
}

function recordedSchema(definition: EventDefinition) {
  return z
    .object({
      type: z.literal(definition.type),
      data: storedForm(definition.data),
      ...recordedEnvelope,
      ...(definition.kind === 'system' ? systemEnvelope : {}),
    })
    .describe(definition.description);
}

import type * as z from 'zod';
import type { EventDefinition } from './define.ts';
import type { eventCategory, eventSeverity } from './envelope.ts';
import type { JsonObject } from './json.ts';

/**
 * The application registers its event types here, and every type below derives from them: `declare module
 * '.../core/events/catalogue.ts' { interface Register { events: typeof definitions } }`. Without a registration an
 * event has any type and its data is JSON.
 */
// biome-ignore lint/suspicious/noEmptyInterface: the application adds its member by declaration merging
export interface Register {}

type Definition = Register extends { readonly events: readonly (infer Declared extends EventDefinition)[] }
  ? Declared
  : EventDefinition;

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
  readonly version: number;
  /** When it happened; ISO 8601, UTC, milliseconds. */
  readonly timestamp: string;
  readonly source: string;
  readonly correlationId?: string;
  readonly causationId?: string;
  readonly metadata: JsonObject & { readonly recordedAt: string };
  readonly aggregateId: string;
  readonly aggregateType: string;
  readonly sequenceNumber: number;
  /** The opaque position, for events of the log. */
  readonly position?: string;
}

/** A stored event: `DomainEvent<'agent.created'>` has that type's data. */
export type DomainEvent<T extends EventType = EventType> = {
  [K in T]: Envelope & { readonly type: K; readonly data: EventData<K> } & SystemEnvelope<K>;
}[T];

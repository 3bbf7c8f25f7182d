import * as z from 'zod';
import type { EventDefinition, RetiredEvent } from '../core/events/define.ts';
import {
  envelopeInput,
  type eventCategory,
  type eventSeverity,
  recordedEnvelope,
  systemEnvelope,
} from '../core/events/envelope.ts';
import type { JsonObject } from '../core/events/json.ts';
import { storedForm } from '../core/events/stored-form.ts';
import { agentEvents } from './agent.ts';
import { integrationEvents } from './integration.ts';
import { sagaEvents } from './saga.ts';
import { systemEvents } from './system.ts';
import { taskEvents } from './task.ts';
import { workflowEvents } from './workflow.ts';

/** Every event type there is. A new category of events is one file and one line here. */
export const definitions = [
  ...agentEvents,
  ...taskEvents,
  ...workflowEvents,
  ...sagaEvents,
  ...integrationEvents,
  ...systemEvents,
] as const;

type Definition = (typeof definitions)[number];
export type EventType = Definition['type'];
type DefinitionOf<T extends EventType> = Extract<Definition, { type: T }>;
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

/** An event as its author proposes it; the store adds the rest of the envelope. */
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
  /** Place in the log, when read from there; opaque. */
  readonly position?: string;
}

/** An event as it is read: `DomainEvent<'agent.created'>` has that type's data. */
export type DomainEvent<T extends EventType = EventType> = {
  [K in T]: Envelope & { readonly type: K; readonly data: EventData<K> } & SystemEnvelope<K>;
}[T];

const byType: ReadonlyMap<string, Definition> = new Map(definitions.map((definition) => [definition.type, definition]));

/** The declaration of an event type, or undefined when there is none of that name. */
export function definitionOf(type: string): Definition | undefined {
  return byType.get(type);
}

/** The types that were renamed or split. None so far; docs/versions.md shows how. */
const retired: readonly RetiredEvent<EventType>[] = [];

/** The declaration of a type that is written no more, or undefined when none of that name was retired. */
export function retiredEvent(type: string): RetiredEvent | undefined {
  return retired.find((event) => event.type === type);
}

/** The names under which events of a type may be stored: its own, and those of retired types that may be read as it. */
export function storedTypesOf(type: EventType): readonly string[] {
  return [type, ...retired.filter(({ successors }) => successors.includes(type)).map((event) => event.type)];
}

/** The aggregate types that occur, each once. */
export const aggregateTypes: readonly string[] = [...new Set(definitions.map((d) => d.aggregateType))];

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

type NonEmpty<T> = [T, ...T[]];

/** Parses an event as callers may propose it: known type, valid data, no unknown member. */
export const newEventSchema = z.discriminatedUnion(
  'type',
  definitions.map(inputSchema) as NonEmpty<ReturnType<typeof inputSchema>>,
  { error: () => `is not a known event type; known are ${definitions.map((d) => d.type).join(', ')}` },
) as unknown as z.ZodType<NewEvent>; // the map above loses which data belongs to which type

/** Parses an event as Annals gives it to readers and to the bus. Marked as pure, so that only functions that use it build it. */
export const recordedEventSchema = /* @__PURE__ */ (() =>
  z.discriminatedUnion(
    'type',
    definitions.map(recordedSchema) as NonEmpty<ReturnType<typeof recordedSchema>>,
  ))() as unknown as z.ZodType<DomainEvent>;

import * as z from 'zod';
import type { DomainEvent, NewEvent } from '../core/events/catalogue.ts';
import type { EventDefinition } from '../core/events/define.ts';
import { envelopeInput, recordedEnvelope, systemEnvelope } from '../core/events/envelope.ts';
import { RetiredTypes } from '../core/events/retired-types.ts';
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

declare module '../core/events/catalogue.ts' {
  interface Register {
    readonly events: typeof definitions;
  }
}

type Definition = (typeof definitions)[number];

const byType: ReadonlyMap<string, Definition> = new Map(definitions.map((definition) => [definition.type, definition]));

/** The declaration of an event type; undefined for an unknown name. */
export function definitionOf(type: string): Definition | undefined {
  return byType.get(type);
}

/** The types that were renamed or split. None so far: `retiredTypes.register(...)`, as docs/versions.md shows. */
export const retiredTypes = new RetiredTypes((type) => byType.has(type));

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

/** Parses an event of a caller: known type, valid data, no unknown member. */
export const newEventSchema = z.discriminatedUnion(
  'type',
  definitions.map(inputSchema) as NonEmpty<ReturnType<typeof inputSchema>>,
  { error: () => `is not a known event type; known are ${definitions.map((d) => d.type).join(', ')}` },
) as unknown as z.ZodType<NewEvent>; // the map above loses which data belongs to which type

/** Parses an event that readers and the bus get. Marked as pure: only functions that use it build it. */
export const recordedEventSchema = /* @__PURE__ */ (() =>
  z.discriminatedUnion(
    'type',
    definitions.map(recordedSchema) as NonEmpty<ReturnType<typeof recordedSchema>>,
  ))() as unknown as z.ZodType<DomainEvent>;

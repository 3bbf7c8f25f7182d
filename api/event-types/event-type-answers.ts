import * as z from 'zod';
import type { EventData } from '../../core/events/catalogue.ts';
import type { EventDefinition } from '../../core/events/define.ts';
import { compatibility } from '../../core/events/event-type.ts';
import { jsonObject } from '../../core/events/json.ts';
import { typeName } from '../../core/events/open-types.ts';

/** The name of an event type in a path. */
export const typeParams = z.object({ type: typeName });

/** An event type, declared by a module or registered. */
export const eventTypeAnswer = z
  .strictObject({
    type: z.string(),
    aggregateType: z.string().describe('The streams of the type: `<aggregateType>-<id>`'),
    declared: z
      .boolean()
      .describe('Whether a module of the application declares the type; such a type has one version'),
    version: z.int().positive().describe('The version of the schema'),
    schema: jsonObject.describe('The JSON Schema (draft 2020-12) of `data`'),
    compatibility: compatibility
      .nullable()
      .describe('How the version was registered; null for a type that a module declares'),
    description: z.string().optional(),
  })
  .meta({ id: 'EventType' });
export type EventTypeAnswer = z.output<typeof eventTypeAnswer>;

/** An event type in a list, without its schema. */
export const listedType = eventTypeAnswer.omit({ schema: true, compatibility: true }).meta({ id: 'ListedEventType' });

/** The answer for a registered type. */
export const registeredAnswer = (data: EventData<'eventtype.registered'>): EventTypeAnswer => ({
  ...data,
  declared: false,
});

/** The answer for a type that a module declares. */
export function declaredAnswer({ type, aggregateType, version, data, description }: EventDefinition): EventTypeAnswer {
  const schema = z.toJSONSchema(data, { io: 'input', unrepresentable: 'any' }) as EventTypeAnswer['schema'];
  return { type, aggregateType, declared: true, version, schema, compatibility: null, description };
}

import * as z from 'zod';
import { defineEvent } from './define.ts';
import { jsonObject } from './json.ts';
import { typeName } from './open-types.ts';

/** The aggregate type of the streams of registered event types: `eventtype-order.placed`. */
export const EVENT_TYPE_STREAMS = 'eventtype';

/** How a version of a schema follows the version before. */
export const compatibility = z.enum(['backward', 'none']);

/** The prefix of every stream of an aggregate type. */
export const aggregateTypeName = z
  .string()
  .regex(/^[a-z][a-z0-9]{0,31}$/, 'must be 1 to 32 lower-case letters and digits, a letter first');

/** The event of every registration. The version is the sequence number of the event. */
export const eventTypeRegistered = defineEvent({
  type: 'eventtype.registered',
  kind: 'domain',
  access: 'internal',
  version: 1,
  aggregateType: EVENT_TYPE_STREAMS,
  description: 'An event type got a new version of its schema, by `PUT /event-types/{type}`.',
  data: z.strictObject({
    type: typeName,
    aggregateType: aggregateTypeName.describe('The streams of the type: `<aggregateType>-<id>`'),
    version: z.int().positive().describe('The version of the schema, from 1'),
    schema: jsonObject.describe('The JSON Schema (draft 2020-12) of the data'),
    compatibility,
    description: z.string().max(1024).optional(),
  }),
  streamIds: ['type'],
  sensitive: [],
});

/** The events of the registry of event types. */
export const eventTypeEvents = [eventTypeRegistered] as const;

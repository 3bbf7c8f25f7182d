import * as z from 'zod';
import { streamId } from '../base/stream-id.ts';
import type { DomainEvent } from '../events/catalogue.ts';
import { byReference, type ReferencedEvent } from './event-reference.ts';

/** The members of an event in the form of CloudEvents 1.0, without its data. Names of extensions are lower case. */
export const cloudEventEnvelope = z.object({
  specversion: z.literal('1.0'),
  id: z.string().describe('Unique in its stream, and so together with `source`'),
  source: z.string().describe('The path of the stream in the HTTP API'),
  type: z.string(),
  subject: z.string().describe('The stream'),
  time: z.string().describe('When it happened'),
  datacontenttype: z.literal('application/json').optional(),
  dataref: z.string().optional().describe('The path of the whole event, which is too large for the bus'),
  sequence: z.string().describe('Counts from 1 in its stream, without gaps'),
  recordedtime: z.string().describe('When the store took it'),
  schemaversion: z.int().positive().describe('Schema version of the event type'),
  tellsource: z.string().describe('Who says so: the `source` of the event in the HTTP API'),
  correlationid: z.string().optional(),
  causationid: z.string().optional(),
});

/** An event in the form of CloudEvents 1.0. */
export type CloudEvent = z.output<typeof cloudEventEnvelope> & { readonly data?: unknown };

/**
 * An event as a CloudEvent in structured form, with the extensions `sequence`, `recordedtime` and `dataref` of the
 * specification. The caller's metadata is not in it: extensions hold no objects.
 * @param isWhole false for an event that is too large for the bus
 */
export function toCloudEvent(event: DomainEvent, isWhole = true): CloudEvent {
  const { id, type, aggregateType, aggregateId, timestamp: time, correlationId, causationId } = event;
  const subject = streamId(aggregateType, aggregateId);
  const content = isWhole
    ? { datacontenttype: 'application/json' as const, data: event.data }
    : { dataref: (byReference(event) as ReferencedEvent).reference.url };
  return {
    specversion: '1.0',
    id,
    source: `/streams/${subject}`,
    type,
    subject,
    time,
    ...content,
    sequence: String(event.sequenceNumber),
    recordedtime: event.metadata.recordedAt,
    schemaversion: event.version,
    tellsource: event.source,
    ...(correlationId !== undefined && { correlationid: correlationId }),
    ...(causationId !== undefined && { causationid: causationId }),
  };
}

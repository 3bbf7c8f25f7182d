import * as z from 'zod';
import { NotFoundError } from '../base/errors.ts';
import { streamId } from '../base/stream-id.ts';
import { parse } from '../base/validation.ts';
import type { DomainEvent } from '../events/catalogue.ts';
import type { EventStore } from '../store/event-store.ts';

/** The place of an event that is too large for the bus. */
export interface EventReference {
  readonly streamId: string;
  readonly sequenceNumber: number;
  /** Path of the event in the HTTP API. */
  readonly url: string;
}

/** The published form of an event that is too large for the bus: without its data and free metadata. */
export type ReferencedEvent = Omit<DomainEvent, 'data' | 'metadata'> & {
  readonly metadata: { readonly recordedAt: string };
  readonly reference: EventReference;
};

const byPlace = z.object({
  id: z.string(),
  reference: z.object({ streamId: z.string(), sequenceNumber: z.int().positive() }),
});

/** A CloudEvent lacks the caller's metadata, so the whole event is read from its place. */
const asCloudEvent = z
  .object({
    specversion: z.literal('1.0'),
    id: z.string(),
    subject: z.string(),
    sequence: z.string().regex(/^\d{1,15}$/),
  })
  .transform(({ id, subject, sequence }) => ({
    id,
    reference: { streamId: subject, sequenceNumber: Number(sequence) },
  }));

const referenced = z.union([byPlace, asCloudEvent]);

/**
 * An event without its data: its envelope, so that rules match it like any other event, and a reference to the whole
 * event. An event never changes, so the reference leads to the event that would have been sent.
 */
export function byReference({ data: _, metadata, ...envelope }: DomainEvent): ReferencedEvent {
  const { aggregateType, aggregateId, sequenceNumber } = envelope;
  const stream = streamId(aggregateType, aggregateId);
  const url = `/streams/${stream}/events?from=${sequenceNumber}&to=${sequenceNumber}`;
  return {
    ...envelope,
    metadata: { recordedAt: metadata.recordedAt },
    reference: { streamId: stream, sequenceNumber, url },
  } as ReferencedEvent;
}

/**
 * The whole event that the bus delivered, also as a CloudEvent or when it was published by reference. Every subscriber in Annals begins
 * with this function.
 * @param detail the `detail` of EventBridge's event
 * @throws ValidationError when `detail` is neither an event nor a reference to an event
 * @throws NotFoundError when the store lacks the referenced event
 * @throws UnavailableError
 */
export async function deliveredEvent(
  detail: unknown,
  store: Pick<EventStore, 'read' | 'catalogue'>,
): Promise<DomainEvent> {
  const found = referenced.safeParse(detail);
  if (!found.success) return parse(store.catalogue.recordedEvent(), detail);
  const { id, reference } = found.data;
  const { sequenceNumber } = reference;
  for await (const event of store.read(reference.streamId, { from: sequenceNumber, to: sequenceNumber })) {
    if (event.id === id) return event;
  }
  throw new NotFoundError(`event ${id} is not at ${sequenceNumber} of stream ${reference.streamId}`);
}

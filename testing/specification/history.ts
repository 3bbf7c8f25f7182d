import type { DomainEvent, EventType, NewEvent } from '../../core/events/catalogue.ts';

/** The time of a test that names none, ISO 8601. */
export const NOW = '2026-01-05T09:00:00.000Z';

/** The id of the aggregate of a test that names none. */
export const ID = '1';

/** A stream, and the time at which its events are recorded. */
export interface Place {
  readonly aggregateType: string;
  readonly id: string;
  /** ISO 8601. */
  readonly now: string;
}

/**
 * New events as the stored events of a stream. Event n of the stream has sequence number n and the id `<stream>-<n>`. The
 * store takes it at `now`, and it happened then. Members that the event names stay: so a test sets an id, a time, a
 * version of the schema, or `metadata.recordedAt`.
 * @param from the sequence number of the first event
 */
export function recorded<Type extends EventType>(
  events: readonly NewEvent<Type>[],
  { aggregateType, id, now }: Place,
  from = 1,
): DomainEvent<Type>[] {
  return events.map((event, index) => {
    const sequenceNumber = from + index;
    const made = { id: `${aggregateType}-${id}-${sequenceNumber}`, version: 1, source: 'test', timestamp: now };
    const place = { aggregateType, aggregateId: id, sequenceNumber };
    return { ...made, ...event, metadata: { recordedAt: now, ...event.metadata }, ...place } as DomainEvent<Type>;
  });
}

import * as z from 'zod';
import type { StreamVersion } from '../base/versions.ts';
import type { DomainEvent } from '../events/catalogue.ts';

/** Most attempts in a mark, the newest. A failed redrive adds an attempt. */
const MAX_ATTEMPTS = 20;
/** Most characters of an error's message: a mark is in the same item as its view. */
const MAX_MESSAGE = 300;

const attempt = z.strictObject({
  at: z.iso.datetime().describe('Time of the attempt'),
  error: z.string().describe('What went wrong'),
});
/** A failed attempt to apply an event. */
export type Attempt = z.output<typeof attempt>;

/**
 * The mark of a stream that waits as a dead letter. It is on the checkpoint of the stream in a projection. So one write
 * parks the stream and records how far it came, and a projector that reads the checkpoint skips the stream.
 */
export const parkedSchema = z.strictObject({
  version: z.int().positive().describe('Sequence number of the event that cannot be applied'),
  eventId: z.string().exactOptional().describe('Its id; absent when the event cannot be read'),
  eventType: z.string().exactOptional(),
  error: z.string().describe('The last error'),
  since: z.iso.datetime().describe('Time of the first parking'),
  attempts: z.array(attempt).describe('The newest attempts, the oldest first'),
  redriving: z.literal(true).exactOptional().describe('A redrive is running: later events are applied again'),
});
/** The mark of a parked stream; see {@link parkedSchema}. */
export type Parked = z.output<typeof parkedSchema>;

/** The event at which a stream stops, and the error. */
export interface Failure {
  readonly version: StreamVersion;
  /** Absent when the event cannot be read. */
  readonly event?: DomainEvent | undefined;
  readonly error: unknown;
}

/** An attempt with the name of the error and the start of its message. */
export function attemptOf(error: unknown, now: Date): Attempt {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return { at: now.toISOString(), error: text.slice(0, MAX_MESSAGE).toWellFormed() };
}

/** The mark for a failure. It keeps the attempts and the first time of an earlier mark of the stream. */
export function parkedAt(failure: Failure, attempts: readonly Attempt[], earlier: Parked | undefined): Parked {
  const all = [...(earlier?.attempts ?? []), ...attempts].slice(-MAX_ATTEMPTS);
  const last = all.at(-1) ?? attemptOf(failure.error, new Date());
  return {
    version: failure.version,
    ...(failure.event ? { eventId: failure.event.id, eventType: failure.event.type } : {}),
    error: last.error,
    since: earlier?.since ?? last.at,
    attempts: all,
  };
}

/** Whether deliveries skip a stream: it has a mark, and no redrive is running. */
export function isParked<T extends { readonly parked?: Parked }>(stored: T): stored is T & { readonly parked: Parked } {
  return stored.parked !== undefined && stored.parked.redriving !== true;
}

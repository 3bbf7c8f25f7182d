import * as z from 'zod';
import type { StreamVersion } from '../base/versions.ts';
import type { DomainEvent } from '../events/catalogue.ts';

/** Most attempts that a mark remembers, the newest; a redrive that fails adds one. */
const MAX_ATTEMPTS = 20;
/** Most characters kept of an error's message: a mark lies beside its view in one item. */
const MAX_MESSAGE = 300;

const attempt = z.strictObject({
  at: z.iso.datetime().describe('When it was tried'),
  error: z.string().describe('What went wrong'),
});
/** One try to apply an event that failed. */
export type Attempt = z.output<typeof attempt>;

/**
 * The mark of a stream that waits as a dead letter: on the checkpoint of that stream in one projection, so one write
 * both parks it and says how far it came, and a projector that reads the checkpoint knows to pass the stream by.
 */
export const parkedSchema = z.strictObject({
  version: z.int().positive().describe('Sequence number of the event that cannot be applied'),
  eventId: z.string().exactOptional().describe('Its id; absent when it cannot even be read'),
  eventType: z.string().exactOptional(),
  error: z.string().describe('What went wrong at last'),
  since: z.iso.datetime().describe('When it was parked first'),
  attempts: z.array(attempt).describe('The newest tries, oldest first'),
  redriving: z.literal(true).exactOptional().describe('It is being redriven: later events are applied again'),
});
export type Parked = z.output<typeof parkedSchema>;

/** The place in a stream that cannot be got over, and why. */
export interface Failure {
  readonly version: StreamVersion;
  /** Absent when the event cannot even be read. */
  readonly event?: DomainEvent | undefined;
  readonly error: unknown;
}

/** An error as an attempt keeps it: its name and the start of its message. */
export function attemptOf(error: unknown, now: Date): Attempt {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return { at: now.toISOString(), error: text.slice(0, MAX_MESSAGE).toWellFormed() };
}

/** The mark for a failure. What was known of the same stream before, by an earlier mark, is carried on. */
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

/** Whether deliveries pass a stream by: it has a mark, and is not being redriven. */
export function isParked<T extends { readonly parked?: Parked }>(stored: T): stored is T & { readonly parked: Parked } {
  return stored.parked !== undefined && stored.parked.redriving !== true;
}

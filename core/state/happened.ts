import type { DomainEvent } from '../events/catalogue.ts';

/** The last instant of a `Date`: every event has happened by then. */
export const EVER = new Date(8.64e15);

/** A state of the events that had happened by an instant. */
export interface Happened<State> {
  readonly state: State;
  /** Sequence number of the last event in the state, 0 before the first. */
  readonly version: number;
  /** The event that begins the stream, until an event counts. */
  readonly beginning?: DomainEvent | undefined;
}

/**
 * Limits a fold of one stream to the events that had happened by an instant, in the order of the stream. An event with a
 * later `timestamp` is left out, and the events after it are not. The event that begins the stream counts as soon as any
 * event does: nothing happens to what does not exist.
 */
export function happenedBy<State>(evolve: (state: State, event: DomainEvent) => State, at: Date) {
  const last = at.getTime();
  return (before: Happened<State>, event: DomainEvent): Happened<State> => {
    const { state, beginning } = before;
    if (Date.parse(event.timestamp) > last) {
      return event.sequenceNumber === 1 ? { ...before, beginning: event } : before;
    }
    return { state: evolve(beginning ? evolve(state, beginning) : state, event), version: event.sequenceNumber };
  };
}

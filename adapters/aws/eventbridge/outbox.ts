import type { PutEventsRequestEntry } from '@aws-sdk/client-eventbridge';
import type { DomainEvent } from '../../../core/events/catalogue.ts';

/** EventBridge takes at most 10 entries in a request. */
const MAX_ENTRIES = 10;
/**
 * EventBridge takes less than 1 MiB in a request, and a function or queue behind a rule takes 1 MiB, too. What is left over
 * is for the envelope that EventBridge puts around an event.
 */
export const MAX_BYTES = 1_000_000;

/** An event as an entry of a request. */
export interface Outgoing {
  readonly event: DomainEvent;
  readonly entry: PutEventsRequestEntry;
  readonly bytes: number;
}

/** The stream of an event. */
export const outgoingStream = ({ event }: Outgoing): string => `${event.aggregateType}-${event.aggregateId}`;

/**
 * Divides outgoing events into requests that are sent side by side. No event overtakes an earlier event of its stream: a
 * stream is in a single request at a time, and stops at the first event that EventBridge refused.
 */
export class Outbox {
  #waiting: Outgoing[];
  /** Streams with events in a request that is under way. */
  readonly #underWay = new Set<string>();

  constructor(events: readonly Outgoing[]) {
    this.#waiting = [...events];
  }

  /** The next request, within both limits. It is empty when no event is left, or all events wait for requests under way. */
  next(): Outgoing[] {
    const request: Outgoing[] = [];
    const passedOver: Outgoing[] = [];
    const streams = new Set<string>();
    let bytes = 0;
    let seen = 0;
    for (const outgoing of this.#waiting) {
      if (request.length === MAX_ENTRIES) break;
      const stream = outgoingStream(outgoing);
      const isFree = !this.#underWay.has(stream);
      if (isFree && request.length > 0 && bytes + outgoing.bytes > MAX_BYTES) break;
      seen += 1;
      if (!isFree) {
        passedOver.push(outgoing);
        continue;
      }
      request.push(outgoing);
      streams.add(stream);
      bytes += outgoing.bytes;
    }
    this.#waiting = [...passedOver, ...this.#waiting.slice(seen)];
    for (const stream of streams) this.#underWay.add(stream);
    return request;
  }

  /**
   * Takes a request that is over.
   * @param failed the streams in which EventBridge refused an event
   * @returns the events that waited behind a refused event of their stream; they are not sent any more
   */
  settle(request: readonly Outgoing[], failed: ReadonlySet<string>): readonly Outgoing[] {
    for (const outgoing of request) this.#underWay.delete(outgoingStream(outgoing));
    if (failed.size === 0) return [];
    const { held = [], free = [] } = Object.groupBy(this.#waiting, (outgoing) =>
      failed.has(outgoingStream(outgoing)) ? 'held' : 'free',
    );
    this.#waiting = free;
    return held;
  }
}

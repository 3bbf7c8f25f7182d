import type { PutEventsRequestEntry } from '@aws-sdk/client-eventbridge';
import type { DomainEvent } from '../../../core/events/catalogue.ts';

/**
 * EventBridge takes 10 entries and less than 1 MB in one request. The rest of the megabyte is for the envelope that
 * EventBridge puts around an event: a function or queue behind a rule takes 1 MB, too.
 */
const MAX_ENTRIES = 10;
export const MAX_BYTES = 1_000_000;

/** An event as an entry of a request. */
export interface Outgoing {
  readonly event: DomainEvent;
  readonly entry: PutEventsRequestEntry;
  readonly bytes: number;
}

export const streamOf = ({ event }: Outgoing): string => `${event.aggregateType}-${event.aggregateId}`;

/**
 * Events on their way out, cut into requests that are sent side by side. No event overtakes an earlier one of its stream: a
 * stream is in one request at a time, and ends at the first event that was not taken.
 */
export class Outbox {
  #waiting: Outgoing[];
  /** Streams with events in a request that is under way. */
  readonly #underWay = new Set<string>();

  constructor(events: readonly Outgoing[]) {
    this.#waiting = [...events];
  }

  /** The next request, within both limits; empty when nothing is left or all of it waits for requests under way. */
  next(): Outgoing[] {
    const request: Outgoing[] = [];
    const passedOver: Outgoing[] = [];
    const streams = new Set<string>();
    let bytes = 0;
    let seen = 0;
    for (const one of this.#waiting) {
      if (request.length === MAX_ENTRIES) break;
      const isFree = !this.#underWay.has(streamOf(one));
      if (isFree && request.length > 0 && bytes + one.bytes > MAX_BYTES) break;
      seen += 1;
      if (!isFree) {
        passedOver.push(one);
        continue;
      }
      request.push(one);
      streams.add(streamOf(one));
      bytes += one.bytes;
    }
    this.#waiting = [...passedOver, ...this.#waiting.slice(seen)];
    for (const stream of streams) this.#underWay.add(stream);
    return request;
  }

  /** A request is over. @returns what waited behind events that were not taken, and is not sent any more */
  settle(request: readonly Outgoing[], failed: ReadonlySet<string>): readonly Outgoing[] {
    for (const one of request) this.#underWay.delete(streamOf(one));
    if (failed.size === 0) return [];
    const { held = [], free = [] } = Object.groupBy(this.#waiting, (one) =>
      failed.has(streamOf(one)) ? 'held' : 'free',
    );
    this.#waiting = free;
    return held;
  }
}

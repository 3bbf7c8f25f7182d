import * as z from 'zod';
import { numberOf, streamOfKey } from './work-key.ts';

/**
 * Numbers of events of a stream, `from` to `to`, both included and both wanted. In between, the filter of that number in the
 * subscription's stream says which are wanted.
 */
const range = z.tuple([z.int().positive(), z.int().positive(), z.int().positive()]);
/** Numbers of events; see {@link range}. */
export type Range = z.output<typeof range>;

/** The undelivered events of a stream; with order `none`, a single event. */
const work = z.object({
  key: z.string(),
  ranges: z.array(range),
  /** Deliveries of the first event that failed. */
  failures: z.int().nonnegative(),
  /** The running delivery of the first event: its token, the number of the event, and its end, milliseconds since 1970. */
  delivery: z.tuple([z.int(), z.int(), z.int()]).exactOptional(),
  /** The next delivery is not earlier, milliseconds since 1970. */
  retryAt: z.int().exactOptional(),
  error: z.string().exactOptional(),
});
/** The undelivered events of a stream; see {@link work}. */
export type Work = z.output<typeof work>;

/** The stored content of a shard. */
export const shardContent = z.object({
  /** The definition that the shard has taken over; see `Definition.revision`. */
  revision: z.int().nonnegative(),
  /** The log is read up to here; null at its beginning. */
  position: z.string().nullable(),
  /** The last token. */
  tokens: z.int().nonnegative(),
  /** Parked streams, or parked events with order `none`. */
  parked: z.int().nonnegative(),
  work: z.array(work),
  /** Tokens that were settled last: a repeat gets the first answer. */
  settled: z.array(z.int()),
  /** Names the last write. */
  write: z.string(),
});
/** The stored content of a shard; see {@link shardContent}. */
export type ShardContent = z.output<typeof shardContent>;

/** A stream, or an event, that waits for an operator. */
export const parkedContent = z.object({
  key: z.string(),
  ranges: z.array(range),
  failures: z.int().nonnegative(),
  error: z.string(),
  since: z.string(),
});
/** The stored form of a parked stream; see {@link parkedContent}. */
export type ParkedContent = z.output<typeof parkedContent>;

/** Most streams with undelivered events in a shard. Beyond it the shard reads no further until deliveries end. */
export const MAX_WORK = 500;
/** Most parked items that one change writes. */
export const MAX_PARKINGS = 50;
/** Most ranges of a stream. A later event then widens the last range. */
const MAX_RANGES = 16;
/** Most remembered tokens. */
const MAX_SETTLED = 64;
/** Most characters of an error. */
const MAX_ERROR = 300;

/**
 * The deliveries of a shard, for one change. The streams of a shard are in {@link work} while they have undelivered events, or
 * parked, never both: the change and its parked items are written together.
 */
export class Shard {
  readonly content: ShardContent;
  /** Parked items to write; undefined removes the item. */
  readonly parkings = new Map<string, ParkedContent | undefined>();
  /** Whether there is anything to write. */
  isChanged: boolean;
  readonly #maxRetries: number;

  constructor(content: ShardContent, maxRetries: number, isChanged = false) {
    this.content = content;
    this.isChanged = isChanged;
    this.#maxRetries = maxRetries;
  }

  /** Whether the shard may take in another stream. */
  get hasRoom(): boolean {
    return this.content.work.length < MAX_WORK && this.parkings.size < MAX_PARKINGS;
  }

  /** Streams whose first event can be delivered, in the order of their arrival. */
  ready(now: number): Work[] {
    return this.content.work.filter(({ delivery, retryAt }) => !delivery && (retryAt ?? 0) <= now);
  }

  /** The next moment at which a delivery ends or a retry is due; infinity when there is none. */
  get nextDue(): number {
    const moments = this.content.work.map(
      ({ delivery, retryAt }) => delivery?.[2] ?? retryAt ?? Number.POSITIVE_INFINITY,
    );
    return Math.min(Number.POSITIVE_INFINITY, ...moments);
  }

  find(key: string): Work | undefined {
    return this.content.work.find((each) => each.key === key);
  }

  /**
   * Takes in an event after all known events of its stream. With order `none` a key is one event: read again after a seek, it
   * is delivered once.
   * @returns whether its stream had no undelivered event
   */
  add(key: string, sequenceNumber: number, filter: number): boolean {
    this.isChanged = true;
    const known = this.find(key);
    if (!known) this.content.work.push({ key, ranges: [[sequenceNumber, sequenceNumber, filter]], failures: 0 });
    else if (numberOf(key) === undefined) known.ranges = extended(known.ranges, sequenceNumber, filter);
    return !known;
  }

  /** Takes in an event behind a parked one. */
  addParked(parked: ParkedContent, sequenceNumber: number, filter: number): void {
    if (numberOf(parked.key) !== undefined) return;
    this.isChanged = true;
    this.parkings.set(parked.key, { ...parked, ranges: extended(parked.ranges, sequenceNumber, filter) });
  }

  /** Starts a delivery of the event of a number, the first of its stream. @returns the token */
  deliver(of: Work, sequenceNumber: number, until: number): number {
    this.isChanged = true;
    this.content.tokens += 1;
    of.ranges = from(of.ranges, sequenceNumber);
    of.delivery = [this.content.tokens, sequenceNumber, until];
    delete of.retryAt;
    return this.content.tokens;
  }

  /** Ends the deliveries whose time is over, as failures. */
  expire(now: number): void {
    for (const each of [...this.content.work]) {
      if (this.parkings.size >= MAX_PARKINGS) return;
      if (each.delivery && each.delivery[2] <= now) this.#fail(each, 'no answer in time', now, now);
    }
  }

  /** The running delivery of a token; `settled` for one that was settled lately. */
  byToken(token: number): Work | 'settled' | undefined {
    if (this.content.settled.includes(token)) return 'settled';
    return this.content.work.find(({ delivery }) => delivery?.[0] === token);
  }

  /** Ends a delivery: its event is done, or is passed over. */
  done(of: Work): void {
    this.#settle(of);
    this.pass(of, of.delivery?.[1] ?? 0);
  }

  /** Ends a delivery that was not tried: its event can be delivered again at once, and nothing has failed. */
  release(of: Work): void {
    this.#settle(of);
    delete of.delivery;
  }

  /** Ends a delivery as a failure. @param retryAt the earliest next delivery, milliseconds since 1970 */
  fail(of: Work, error: string, retryAt: number, now: number): void {
    this.#settle(of);
    this.#fail(of, error, retryAt, now);
  }

  /** Parks a stream at its first event. */
  park(of: Work, error: string, now: number): void {
    this.isChanged = true;
    this.#settle(of);
    const { key, ranges, failures } = of;
    this.#remove(of);
    this.content.parked += 1;
    const since = new Date(now).toISOString();
    this.parkings.set(key, { key, ranges, failures, error: error.slice(0, MAX_ERROR).toWellFormed(), since });
  }

  /** Takes a parked stream back. @param after passes over its first event */
  unpark({ key, ranges }: ParkedContent, after?: number): void {
    this.isChanged = true;
    this.parkings.set(key, undefined);
    this.content.parked -= 1;
    const left = after === undefined ? ranges : from(ranges, after + 1);
    if (left.length > 0) this.content.work.push({ key, ranges: left, failures: 0 });
  }

  /** Passes over the events of a stream up to a number of its first range; the stream goes behind the others. */
  pass(of: Work, sequenceNumber: number): void {
    this.isChanged = true;
    this.#remove(of);
    const ranges = from(of.ranges, sequenceNumber + 1);
    if (ranges.length > 0) this.content.work.push({ key: of.key, ranges, failures: 0 });
  }

  #fail(of: Work, error: string, retryAt: number, now: number): void {
    this.isChanged = true;
    of.failures += 1;
    delete of.delivery;
    if (of.failures > this.#maxRetries) this.park(of, error, now);
    else Object.assign(of, { retryAt, error: error.slice(0, MAX_ERROR).toWellFormed() });
  }

  #settle({ delivery }: Work): void {
    if (!delivery) return;
    this.isChanged = true;
    this.content.settled = [...this.content.settled, delivery[0]].slice(-MAX_SETTLED);
  }

  #remove(of: Work): void {
    this.content.work = this.content.work.filter((each) => each !== of);
  }
}

/** Ranges with a further number at their end. */
function extended(ranges: readonly Range[], number: number, filter: number): Range[] {
  const last = ranges.at(-1);
  const isFull = ranges.length >= MAX_RANGES;
  if (last && last[2] === filter && number > last[1] && (number === last[1] + 1 || isFull)) {
    return [...ranges.slice(0, -1), [last[0], number, filter]];
  }
  return [...ranges, [number, number, filter]];
}

/** Ranges whose first range begins at a number of it, or after it. */
function from([first, ...later]: readonly Range[], number: number): Range[] {
  if (!first) return [];
  return number > first[1] ? later : [[number, first[1], first[2]], ...later];
}

/** A parked stream, or with order `none` a parked event. */
export interface ParkedEvent extends Pick<ParkedContent, 'error' | 'failures' | 'since'> {
  readonly id: string;
  readonly stream: string;
  /** The event that is parked. */
  readonly sequenceNumber: number;
}

/** A parked item as operators see it. */
export const toParked = ({ key, ranges, error, failures, since }: ParkedContent): ParkedEvent => ({
  ...{ id: key, stream: streamOfKey(key), error, failures, since },
  sequenceNumber: numberOf(key) ?? ranges[0]?.[0] ?? 0,
});

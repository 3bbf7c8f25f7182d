import { CorruptDataError } from '../base/errors.ts';
import { sharedJson } from '../base/json-text.ts';
import { streamId } from '../base/stream-id.ts';
import type { DomainEvent } from '../events/catalogue.ts';
import { SUBSCRIPTION_STREAMS } from '../events/subscription.ts';
import { Selection } from '../log/filter.ts';
import type { EventLog } from '../log/log.ts';
import { parsePosition } from '../log/position.ts';
import type { EventStore } from '../store/event-store.ts';
import type { Definition } from './decider.ts';
import type { Work } from './shard.ts';
import type { Changing } from './shard-store.ts';
import { formatToken, keyOf, shardOf, streamOfKey } from './work-key.ts';

/** An event that a consumer has to acknowledge. */
export interface Delivery {
  /** Names this delivery: an answer under the token of an earlier delivery of the event is refused. */
  readonly token: string;
  /** Counts the deliveries of the event, from 1. */
  readonly attempt: number;
  /** Without an answer until then the event is delivered again; ISO 8601. */
  readonly until: string;
  readonly event: DomainEvent;
}

/** The deliveries from a shard, and what a waiting consumer waits for. */
export interface Taken {
  readonly deliveries: readonly Delivery[];
  /** Bytes of their events as JSON. */
  readonly bytes: number;
  /** The log is read up to here; undefined at its beginning. */
  readonly position: string | undefined;
  /** Whether the log was read to its end. */
  readonly caughtUp: boolean;
  /** Whether streams wait for a delivery or a retry. */
  readonly isBusy: boolean;
  /** The next moment at which a delivery ends or a retry is due, milliseconds since 1970. */
  readonly nextDue: number;
  /** The log cannot be read further. */
  readonly damage?: CorruptDataError;
}

/** The parts that read events. */
export interface EventSources {
  readonly log: Pick<EventLog, 'getEventsAfter' | 'end'>;
  readonly store: EventStore;
}

/** What a consumer wants of a shard. */
export interface TakeRequest {
  readonly shard: number;
  /** Most deliveries. */
  readonly max: number;
  /** Most bytes of their events as JSON; a single event may be larger. */
  readonly maxBytes: number;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** Slices of the log that one take reads from a shard at most. */
const MAX_SLICES = 8;
/** Fewest and most events of a slice. */
const SLICE = [20, 500] as const;
/** After so many events without a wanted one a shard writes its position, so that they are not read again. */
const SAVED_EVERY = 500;

/** The selection of a subscription, for the log. */
export const logFilter = ({ filter, start }: Definition) => ({ ...filter, from: start.from });

/** Takes deliveries from a shard: those that wait, then new events of the log. */
export async function takeFrom(sources: EventSources, changing: Changing, request: TakeRequest): Promise<Taken> {
  const { shard, definition } = changing;
  shard.expire(request.now);
  const fresh = new Map<string, DomainEvent>();
  const read = await readOn(sources, changing, request, fresh);
  const ready = shard.ready(request.now).slice(0, request.max);
  const events = await Promise.all(ready.map((work) => firstEvent(sources, definition, work, fresh)));
  const until = request.now + definition.ackWithinSeconds * 1_000;
  const deliveries: Delivery[] = [];
  let bytes = 0;
  for (const [index, work] of ready.entries()) {
    const found = events[index];
    if (found instanceof CorruptDataError) shard.park(work, found.message, request.now);
    else if (!found) shard.pass(work, Number.MAX_SAFE_INTEGER);
    else {
      const size = Buffer.byteLength(sharedJson(found));
      if (bytes > 0 && bytes + size > request.maxBytes) break;
      bytes += size;
      const attempt = work.failures + 1;
      const token = shard.deliver(work, found.sequenceNumber, until);
      deliveries.push({
        token: formatToken(definition.created, request.shard, token, `${work.key} ${found.sequenceNumber}`),
        ...{ attempt, until: new Date(until).toISOString(), event: found },
      });
    }
  }
  const { work } = shard.content;
  return { deliveries, bytes, ...read, isBusy: work.length > 0, nextDue: shard.nextDue };
}

/** Reads the log until enough streams can be delivered. */
async function readOn(
  { log }: EventSources,
  changing: Changing,
  { shard: index, max, now }: TakeRequest,
  fresh: Map<string, DomainEvent>,
): Promise<Pick<Taken, 'position' | 'caughtUp' | 'damage'>> {
  const { shard, definition } = changing;
  let position = shard.content.position ?? undefined;
  let ready = shard.ready(now).length;
  let end: Pick<Taken, 'caughtUp' | 'damage'> = { caughtUp: false };
  reading: for (let slices = 0; ready < max && shard.hasRoom && slices < MAX_SLICES; slices++) {
    const limit = Math.min(SLICE[1], Math.max(SLICE[0], (max - ready) * definition.shards * 2));
    const slice = await log.getEventsAfter(position, { ...logFilter(definition), limit }).catch(damageOf);
    if (slice instanceof CorruptDataError) {
      end = { caughtUp: false, damage: slice };
      break;
    }
    for (const { position: after, ...event } of slice.events) {
      if (ready >= max || !shard.hasRoom) break reading;
      if (await takeIn(changing, index, event)) ready += 1;
      fresh.set(placeOf(event), event);
      position = after;
    }
    position = slice.next;
    if (!slice.caughtUp) continue;
    end = { caughtUp: true };
    break;
  }
  if (!shard.isChanged && totalAt(position) - totalAt(shard.content.position) >= SAVED_EVERY) shard.isChanged = true;
  shard.content.position = position ?? null;
  return { position, ...end };
}

/** Takes in an event of the log, unless it belongs to another shard. @returns whether it can be delivered */
async function takeIn({ shard, definition, parked }: Changing, index: number, event: DomainEvent): Promise<boolean> {
  const { aggregateType, aggregateId, sequenceNumber } = event;
  // A consumer that fails would otherwise feed itself.
  if (aggregateType === SUBSCRIPTION_STREAMS) return false;
  const stream = streamId(aggregateType, aggregateId);
  if (shardOf(stream, definition.shards) !== index) return false;
  const key = keyOf(definition.order, stream, sequenceNumber);
  const waiting = shard.find(key) ? undefined : await parked(key);
  if (!waiting) return shard.add(key, sequenceNumber, definition.revision);
  shard.addParked(waiting, sequenceNumber, definition.revision);
  return false;
}

/** The first undelivered event of a stream; undefined when no event is wanted any more. */
async function firstEvent(
  { store }: EventSources,
  { filters }: Definition,
  { key, ranges }: Work,
  fresh: ReadonlyMap<string, DomainEvent>,
): Promise<DomainEvent | CorruptDataError | undefined> {
  const stream = streamOfKey(key);
  try {
    for (const [from, to, since] of ranges) {
      const known = fresh.get(`${stream}#${from}`);
      if (known) return known;
      const filter = filters.findLast((each) => each.since <= since)?.filter ?? {};
      const selection = new Selection(filter, store.catalogue);
      for await (const event of store.read(stream, { from, to })) {
        if (from === to || selection.wantsEvent(event)) return event;
      }
    }
    return undefined;
  } catch (error) {
    return damageOf(error);
  }
}

/** @throws every other error */
function damageOf(error: unknown): CorruptDataError {
  if (error instanceof CorruptDataError) return error;
  throw error;
}

const placeOf = ({ aggregateType, aggregateId, sequenceNumber }: DomainEvent): string =>
  `${aggregateType}-${aggregateId}#${sequenceNumber}`;

/** The number of events before a position. */
export const totalAt = (position: string | null | undefined): number => (position ? parsePosition(position).total : 0);

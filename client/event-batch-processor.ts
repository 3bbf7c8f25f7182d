import { ExponentialBackoff, handleWhenResult, retry } from 'cockatiel';
import { ulid } from 'ulid';
import type { NewEvent } from '../core/events/catalogue.ts';
import type { BatchAnswer } from './answers.ts';
import type { AnnalsClient, BatchOutcome } from './client.ts';
import { AnnalsRequestError } from './errors.ts';

export interface EventBatchOptions {
  /** Events of a full batch; 100 by default, 1,000 at most. */
  readonly batchSize?: number;
  /** Longest wait of an event for its batch, milliseconds; 1,000 by default. */
  readonly batchTimeoutMs?: number;
}

/** The place of a stored event. */
export interface StoredPlace {
  readonly streamId: string;
  readonly sequenceNumber: number;
  readonly eventId: string;
  readonly recordedAt: string;
}

interface Waiting {
  readonly streamId: string;
  readonly event: NewEvent;
  readonly resolve: (place: StoredPlace) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The result of an append is unknown while the storage is unreachable. The same request with the same key gives the
 * result.
 */
const whileUnknown = retry(
  handleWhenResult((answer) => (answer as BatchAnswer).results.some(({ status }) => status === 503)),
  { maxAttempts: 4, backoff: new ExponentialBackoff({ initialDelay: 200, maxDelay: 5_000 }) },
);

/** Limits of the API: streams and bytes of a request, and events of a stream. */
const MAX_STREAMS = 100;
const MAX_EVENTS_PER_STREAM = 100;
const MAX_BYTES = 1_000_000;

/**
 * Collects events of many streams and sends them in one request, a commit for each stream. Events of a stream keep
 * their order. Each caller gets the result of its event; a refused event does not affect other streams.
 */
export class EventBatchProcessor {
  readonly #client: Pick<AnnalsClient, 'appendBatch'>;
  readonly #size: number;
  readonly #timeoutMs: number;
  #waiting: Waiting[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Batches follow one another, so that the events of a stream stay in order. */
  #sending: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(client: Pick<AnnalsClient, 'appendBatch'>, options: EventBatchOptions = {}) {
    this.#client = client;
    this.#size = Math.min(options.batchSize ?? 100, 1_000);
    this.#timeoutMs = options.batchTimeoutMs ?? 1_000;
  }

  /**
   * Takes an event for the end of a stream.
   * @returns once it is stored
   * @throws AnnalsRequestError when the server refuses it, AnnalsUnreachableError when its result is unknown after all
   * retries
   */
  addEvent(streamId: string, event: NewEvent): Promise<StoredPlace> {
    if (this.#closed) return Promise.reject(new Error('the batch processor is closed; make a new one'));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ streamId, event, resolve, reject });
      if (this.#waiting.length >= this.#size) void this.flush();
      else this.#timer ??= setTimeout(() => void this.flush(), this.#timeoutMs);
    });
  }

  /** Sends the waiting events. @returns after the results of all events so far; never throws */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const batch = this.#waiting;
    this.#waiting = [];
    this.#sending = this.#sending.then(() => this.#send(batch));
    return this.#sending;
  }

  /** Sends the waiting events, and takes no more. */
  close(): Promise<void> {
    this.#closed = true;
    return this.flush();
  }

  async #send(batch: readonly Waiting[]): Promise<void> {
    for (let left = batch; left.length > 0; ) {
      const request = oneRequest(left);
      await this.#sendGroups(byStream(request));
      left = left.slice(request.length);
    }
  }

  /** One request. A refused group is sent again in halves, so that only the invalid events are refused. */
  async #sendGroups(groups: readonly (readonly Waiting[])[]): Promise<void> {
    const appends = groups.map((own) => ({
      streamId: own[0]?.streamId ?? '',
      expectedVersion: 'any' as const,
      events: own.map(({ event }) => event),
    }));
    const idempotencyKey = ulid();
    let outcomes: readonly BatchOutcome[];
    try {
      const send = () => this.#client.appendBatch(appends, { idempotencyKey });
      ({ results: outcomes } = await whileUnknown.execute(send));
    } catch (error) {
      if (isRefusal(error) && groups.flat().length > 1) return this.#inHalves(groups);
      for (const { reject } of groups.flat()) reject(error);
      return;
    }
    for (const [index, own] of groups.entries()) await this.#settle(own, outcomes[index]);
  }

  async #settle(own: readonly Waiting[], outcome: BatchOutcome | undefined): Promise<void> {
    if (outcome && 'fromVersion' in outcome) {
      const { streamId, fromVersion, eventIds, recordedAt } = outcome;
      for (const [index, { resolve }] of own.entries()) {
        resolve({ streamId, sequenceNumber: fromVersion + index, eventId: eventIds[index] ?? '', recordedAt });
      }
      return;
    }
    const error = new AnnalsRequestError('POST /events:batch', outcome?.status ?? 500, {
      ...(outcome?.problem ?? { code: 'INTERNAL', detail: 'the answer lacks this stream' }),
    });
    if (isRefusal(error) && own.length > 1) return this.#inHalves([own]);
    for (const { reject } of own) reject(error);
  }

  async #inHalves(groups: readonly (readonly Waiting[])[]): Promise<void> {
    if (groups.length > 1) {
      const half = Math.ceil(groups.length / 2);
      await this.#sendGroups(groups.slice(0, half));
      return this.#sendGroups(groups.slice(half));
    }
    const [own = []] = groups;
    const half = Math.ceil(own.length / 2);
    await this.#sendGroups([own.slice(0, half)]);
    return this.#sendGroups([own.slice(half)]);
  }
}

/** The events of each stream, in order. (`Map.groupBy` is missing in Node 20.) */
function byStream(waiting: readonly Waiting[]): readonly (readonly Waiting[])[] {
  const streams = new Map<string, Waiting[]>();
  for (const event of waiting) {
    const earlier = streams.get(event.streamId);
    if (earlier) earlier.push(event);
    else streams.set(event.streamId, [event]);
  }
  return [...streams.values()];
}

const encoder = new TextEncoder();

/** The first events that fit in one request; at least one. */
function oneRequest(waiting: readonly Waiting[]): readonly Waiting[] {
  const streams = new Map<string, number>();
  let bytes = 0;
  const end = waiting.findIndex(({ streamId, event }, index) => {
    const events = (streams.get(streamId) ?? 0) + 1;
    streams.set(streamId, events);
    bytes += encoder.encode(JSON.stringify(event)).length + 1;
    return index > 0 && (streams.size > MAX_STREAMS || events > MAX_EVENTS_PER_STREAM || bytes > MAX_BYTES);
  });
  return end < 0 ? waiting : waiting.slice(0, end);
}

/** The same request would be refused again: it is too large or invalid. */
const isRefusal = (error: unknown): boolean =>
  error instanceof AnnalsRequestError && ([400, 413, 422].includes(error.status) || refusals.has(error.code));

const refusals: ReadonlySet<string> = new Set(['NOT_ADMITTED', 'RESERVED_TYPE', 'EVENT_ID_TAKEN']);

import type { DomainEvent, EventType } from '../core/events/catalogue.ts';
import * as answers from './answers.ts';
import { Area, type PageQuery, type RequestOptions, segment } from './requests.ts';

/** The settings of a subscription. Every member is optional. */
export interface SubscriptionSettings {
  readonly filter?: {
    readonly types?: readonly EventType[];
    readonly aggregateType?: string;
    readonly aggregateId?: string;
    readonly correlationId?: string;
  };
  /** `start` (the default), `end`, an instant or a position of the log; counts at the creation. */
  readonly from?: string;
  /** `stream` by default: an event waits for the earlier events of its stream. It cannot change. */
  readonly order?: 'stream' | 'none';
  /** Deliveries after the first before an event is parked; 10 by default. */
  readonly maxRetries?: number;
  /** 30 by default. */
  readonly ackWithinSeconds?: number;
  /** Where the server pushes events to. Without a secret the present secret stays, or the answer shows a new one, once. */
  readonly push?: { readonly url: string; readonly secret?: string };
  /** 1 to 16, 4 by default. It cannot change. */
  readonly shards?: number;
}

/** An event that waits for an answer. */
export interface Delivery {
  readonly token: string;
  /** Counts the deliveries of the event, from 1. */
  readonly attempt: number;
  /** The event is delivered again when it is not acknowledged by then; ISO 8601. */
  readonly until: string;
  readonly event: DomainEvent;
}

/** How an event is not done. */
export interface Refusal {
  /** `retry` by default; `release` counts no failure, `park` waits for an operator, `skip` passes the event over. */
  readonly action?: 'retry' | 'release' | 'park' | 'skip';
  readonly delaySeconds?: number;
  readonly reason?: string;
}

/** A delivery with its answers. */
export interface Consumed extends Delivery {
  /** @throws AnnalsRequestError `DELIVERY_LOST` when the event was delivered again meanwhile */
  ack(): Promise<answers.SettledAnswer>;
  /** @throws AnnalsRequestError as `ack` does */
  nack(refusal?: Refusal): Promise<answers.SettledAnswer>;
}

/** The longest wait of a request of {@link Subscriptions.consume}, seconds. */
const WAIT_SECONDS = 20;

/** `client.subscriptions`: consumer groups that the server keeps. Any number of consumers may take from each. */
export class Subscriptions extends Area {
  /** Creates a subscription, or changes its filter, retries or time to acknowledge; a change loses no event. */
  put(name: string, settings: SubscriptionSettings = {}): Promise<answers.Subscription> {
    const request = { method: 'PUT', path: pathOf(name), body: settings } as const;
    return this.requests.send(request, answers.subscription);
  }

  /** A page of subscriptions, by name. */
  list(query: PageQuery = {}) {
    return this.requests.get('/subscriptions', answers.subscriptionsPage, query);
  }

  /** A subscription with its position, lag, and what is in flight, waits or is parked. */
  get(name: string): Promise<answers.Subscription> {
    return this.requests.get(pathOf(name), answers.subscription);
  }

  /**
   * Takes up to `max` deliveries (1 to 100, 10 by default). `wait` is the longest wait for the first, seconds, 20 at most.
   * When the answer is lost, the events are delivered again after `ackWithinSeconds`.
   */
  async take(
    name: string,
    { signal, ...query }: { readonly max?: number; readonly wait?: number; readonly signal?: AbortSignal } = {},
  ): Promise<readonly Delivery[]> {
    const held = { heldMs: (query.wait ?? 0) * 1_000, signal };
    const request = { method: 'POST', path: `${pathOf(name)}/take`, query, ...held } as const;
    return (await this.requests.send(request, answers.deliveries)).deliveries;
  }

  /** Says that 1 to 100 deliveries are done. @throws AnnalsRequestError `DELIVERY_LOST` when all are over */
  ack(name: string, tokens: readonly string[]): Promise<answers.SettledAnswer> {
    const request = { method: 'POST', path: `${pathOf(name)}/ack`, body: { tokens } } as const;
    return this.requests.send(request, answers.settled);
  }

  /** Says that 1 to 100 deliveries are not done. @throws AnnalsRequestError as `ack` does */
  nack(name: string, tokens: readonly string[], refusal: Refusal = {}): Promise<answers.SettledAnswer> {
    const body = { tokens, action: 'retry', ...refusal };
    return this.requests.send({ method: 'POST', path: `${pathOf(name)}/nack`, body }, answers.settled);
  }

  /**
   * Takes deliveries until the signal aborts: then those that were taken are given out, and no others are taken. A loop
   * that is left gives the others back. Every delivery has to be answered by its `ack` or `nack`.
   * @throws AnnalsRequestError, AnnalsUnreachableError
   */
  async *consume(
    name: string,
    { max = 10, signal }: { readonly max?: number; readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<Consumed> {
    while (!signal?.aborted) {
      const left = [...(await this.#next(name, max, signal))];
      try {
        for (let delivery = left.shift(); delivery; delivery = left.shift()) {
          const tokens = [delivery.token];
          yield {
            ...delivery,
            ack: () => this.ack(name, tokens),
            nack: (refusal) => this.nack(name, tokens, refusal),
          };
        }
      } finally {
        if (left.length > 0) {
          const tokens = left.map(({ token }) => token);
          await this.nack(name, tokens, { action: 'release' });
        }
      }
    }
  }

  /** A page of parked events. */
  parked(name: string, query: PageQuery = {}) {
    return this.requests.get(`${pathOf(name)}/parked`, answers.parkedPage, query);
  }

  /** Lets parked events be delivered again, in order: those of the ids, or the first 100. */
  redrive(name: string, parked?: readonly string[], options?: RequestOptions) {
    return this.requests.post(`${pathOf(name)}/redrive`, { parked }, answers.redrivenParked, options);
  }

  /** Gives up a parked event; the later events of its stream are delivered. */
  skip(
    name: string,
    skipped: { readonly parked: string; readonly sequenceNumber: number; readonly reason: string },
    options?: RequestOptions,
  ) {
    return this.requests.post(`${pathOf(name)}/skip`, skipped, answers.skippedParked, options);
  }

  /** Moves a subscription to `start`, `end`, an instant or a position. What is in flight or parked stays so. */
  seek(name: string, to: string, options?: RequestOptions) {
    return this.requests.post(`${pathOf(name)}/seek`, { to }, answers.subscription, options);
  }

  /** Ends a subscription. */
  remove(name: string, options?: RequestOptions) {
    return this.requests.post(`${pathOf(name)}/remove`, undefined, answers.removedSubscription, options);
  }

  async #next(name: string, max: number, signal: AbortSignal | undefined): Promise<readonly Delivery[]> {
    try {
      return await this.take(name, { max, wait: WAIT_SECONDS, ...(signal && { signal }) });
    } catch (error) {
      if (signal?.aborted) return [];
      throw error;
    }
  }
}

const pathOf = (name: string): string => `/subscriptions/${segment(name)}`;

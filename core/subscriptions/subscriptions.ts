import { streamId } from '../base/stream-id.ts';
import { SUBSCRIPTION_STREAMS } from '../events/subscription.ts';
import { News } from '../log/news.ts';
import { stateFold } from '../state/fold.ts';
import type { StateReader } from '../state/state-reader.ts';
import type { ControlStore } from '../store/control-store.ts';
import { type Definition, noSubscription, type SubscriptionState, subscription } from './decider.ts';
import { MAX_PARKINGS, type Shard } from './shard.ts';
import { ShardStore } from './shard-store.ts';
import { type Delivery, type EventSources, logFilter, type Taken, takeFrom } from './take.ts';
import { checkOf, parseToken, type TokenParts } from './work-key.ts';

/** The parts of {@link Subscriptions}. */
export interface SubscriptionParts extends EventSources {
  readonly states: StateReader;
  readonly control: ControlStore;
  readonly newId: () => string;
  readonly now?: () => Date;
  /** A number from 0 to 1: consumers begin at different shards. */
  readonly random?: () => number;
}

/** What a consumer takes. */
export interface TakeOptions {
  /** Most deliveries, 1 to 100. */
  readonly max: number;
  /** Longest wait for a first delivery, milliseconds; 0 by default. */
  readonly waitMs?: number;
  /** Ends the wait. */
  readonly signal?: AbortSignal | undefined;
}

/** The answer of a consumer to a delivery. */
export interface Answer {
  readonly token: string;
  /**
   * `ack`: done. `release`: not tried; deliver it again. `retry`: it failed; deliver it again, or park it after the last
   * retry. `park`: it waits for an operator, and so do the later events of its stream. `skip`: passed over.
   */
  readonly action: 'ack' | 'release' | 'retry' | 'park' | 'skip';
  /** The next delivery is not earlier, milliseconds from now; 0 by default. */
  readonly delayMs?: number | undefined;
  readonly reason?: string | undefined;
}

/** The tokens of answers. */
export interface Settled {
  readonly settled: readonly string[];
  /** Tokens of deliveries that are over: the event was delivered again, or its subscription was removed. */
  readonly refused: readonly string[];
}

/** Most bytes of the events of a take, as JSON. AWS Lambda answers with 6 MB at most, with every quote escaped. */
const MAX_BYTES = 2 * 1024 * 1024;
/** Pause of a waiting consumer before it looks again for answers of other processes, milliseconds. */
const LOOK_AGAIN_MS = 1_000;

/** Wakes the consumers of a subscription in this process. */
interface Waker {
  readonly news: News;
  readonly wake: () => void;
}

/**
 * Delivers the events of subscriptions to competing consumers: each event until it is acknowledged, parked or skipped, and
 * with order `stream` never before the earlier events of its stream. Every change is one conditional write of a shard, so a
 * crash between two calls loses and skips no event. A delivery whose answer is lost is repeated.
 *
 * Every call throws UnavailableError when a storage cannot be reached, and NotFoundError for an unknown subscription.
 */
export class Subscriptions {
  readonly shards: ShardStore;
  readonly #parts: SubscriptionParts;
  readonly #wakers = new Map<string, Waker>();

  constructor(parts: SubscriptionParts) {
    this.#parts = parts;
    const { control, newId } = parts;
    this.shards = new ShardStore({ control, newId, definitionOf: (name) => this.definition(name) });
  }

  /** The present definition. @throws NotFoundError */
  async definition(name: string): Promise<Definition> {
    const { definition } = await this.state(name);
    if (!definition) throw noSubscription(name);
    return definition;
  }

  /** The state of the subscription's stream, which may have no event. */
  async state(name: string): Promise<SubscriptionState> {
    const stream = streamId(SUBSCRIPTION_STREAMS, name);
    return (await this.#parts.states.load(stateFold(subscription), stream)).state;
  }

  /**
   * The next deliveries for a consumer. Each has to be answered by {@link settle} in time, else it is repeated.
   * @throws CorruptDataError when nothing can be delivered because the log cannot be read further
   */
  async take(name: string, { max, waitMs = 0, signal }: TakeOptions): Promise<readonly Delivery[]> {
    const deadline = Date.now() + waitMs;
    const { news } = this.#waker(name);
    for (;;) {
      const { count } = news; // read before the take: an answer during it then ends the wait at once
      const definition = await this.definition(name);
      const taken = await this.#takeFromAll(definition, max);
      if (taken.deliveries.length > 0) return taken.deliveries;
      if (taken.damage) throw taken.damage;
      const left = deadline - Date.now();
      if (left <= 0 || signal?.aborted) return [];
      await this.#wait(definition, taken, { news, count, left, signal });
    }
  }

  /**
   * Takes the answers of a consumer. An answer counts until the event is delivered again, also after its time. A repeated
   * answer is settled, too, while it is among the last 64 of its shard.
   */
  async settle(name: string, answers: readonly Answer[]): Promise<Settled> {
    const definition = await this.definition(name);
    const settled: string[] = [];
    const refused: string[] = [];
    const known = answers.map((answer) => ({ answer, at: parseToken(answer.token) }));
    const shardIn = ({ at }: (typeof known)[number]) =>
      at && at.created === definition.created && at.shard < definition.shards ? at.shard : undefined;
    for (const [shard, all] of Map.groupBy(known, shardIn)) {
      for (let first = 0; first < all.length; first += MAX_PARKINGS) {
        const some = all.slice(first, first + MAX_PARKINGS);
        const isSettled = shard === undefined ? [] : await this.#settleIn(definition, shard, some);
        for (const [index, { answer }] of some.entries()) (isSettled[index] ? settled : refused).push(answer.token);
      }
    }
    if (settled.length > 0) this.wake(name);
    return { settled, refused };
  }

  /** Wakes the waiting consumers of this process, after a change of what can be delivered. */
  wake(name: string): void {
    this.#wakers.get(name)?.wake();
  }

  #settleIn(
    definition: Definition,
    index: number,
    answers: readonly { readonly answer: Answer; readonly at: TokenParts | undefined }[],
  ): Promise<readonly boolean[]> {
    const now = this.#now();
    return this.shards.change(definition, index, async ({ shard }) =>
      answers.map(({ answer, at }) => at !== undefined && settleOne(shard, at, answer, now)),
    );
  }

  /** Goes through the shards from a random one on, until there are enough deliveries. */
  async #takeFromAll(definition: Definition, max: number): Promise<Taken> {
    const { shards } = definition;
    const begin = Math.floor((this.#parts.random ?? Math.random)() * shards) % shards;
    const parts: Taken[] = [];
    const deliveries: Delivery[] = [];
    let bytes = 0;
    for (let each = 0; each < shards && deliveries.length < max && bytes < MAX_BYTES; each++) {
      const shard = (begin + each) % shards;
      const request = { shard, max: max - deliveries.length, maxBytes: MAX_BYTES - bytes, now: this.#now() };
      try {
        const taken = await this.shards.change(definition, shard, (changing) =>
          takeFrom(this.#parts, changing, request),
        );
        parts.push(taken);
        deliveries.push(...taken.deliveries);
        bytes += taken.bytes;
      } catch (error) {
        if (deliveries.length > 0) break; // otherwise nobody would get these before their time is over
        throw error;
      }
    }
    const damage = parts.find((part) => part.damage)?.damage;
    return {
      ...{ deliveries, bytes },
      // The first shard was read first: what came since is news, also when another shard has read it.
      position: parts[0]?.position,
      caughtUp: parts.every(({ caughtUp }) => caughtUp),
      isBusy: parts.some(({ isBusy }) => isBusy),
      nextDue: Math.min(...parts.map(({ nextDue }) => nextDue)),
      ...(damage && { damage }),
    };
  }

  /** Waits for new events, for answers, and for the next retry. */
  async #wait(
    definition: Definition,
    { position, caughtUp, isBusy, nextDue }: Taken,
    { news, count, left, signal }: { news: News; count: number; left: number; signal: AbortSignal | undefined },
  ): Promise<void> {
    const isPaced = isBusy || !caughtUp;
    const ms = Math.max(1, Math.min(left, nextDue - this.#now(), isPaced ? LOOK_AGAIN_MS : left));
    const over = new AbortController();
    const ends = signal ? AbortSignal.any([signal, over.signal]) : over.signal;
    const waits: Promise<unknown>[] = [news.after(count, ms, ends)];
    if (caughtUp) {
      const options = { ...logFilter(definition), limit: 1, waitMs: ms, signal: ends };
      waits.push(this.#parts.log.getEventsAfter(position, options));
    }
    await Promise.race(waits).finally(() => over.abort());
  }

  #waker(name: string): Waker {
    const known = this.#wakers.get(name);
    if (known) return known;
    const listeners: (() => void)[] = [];
    const onAppended = (listener: () => void) => {
      listeners.push(listener);
      return () => {};
    };
    const news = new News({ onAppended }, () => {});
    const waker = { news, wake: () => listeners.forEach((listener) => void listener()) };
    this.#wakers.set(name, waker);
    return waker;
  }

  #now(): number {
    return (this.#parts.now?.() ?? new Date()).getTime();
  }
}

/** @returns whether the answer is that to the running delivery of the token, or a repeat */
function settleOne(
  shard: Shard,
  { token, check }: Pick<TokenParts, 'token' | 'check'>,
  { action, delayMs = 0, reason }: Answer,
  now: number,
): boolean {
  const work = shard.byToken(token);
  if (work === undefined) return false;
  if (work === 'settled') return true;
  if (checkOf(`${work.key} ${work.delivery?.[1]}`) !== check) return false;
  if (action === 'park') shard.park(work, reason ?? 'parked by its consumer', now);
  else if (action === 'release') shard.release(work);
  else if (action === 'retry') shard.fail(work, reason ?? 'refused by its consumer', now + delayMs, now);
  else shard.done(work);
  return true;
}

import type { DomainEvent, EventType, NewEvent } from '../core/events/catalogue.ts';
import type { Clock } from '../core/events/clock.ts';
import { Agents } from './agents.ts';
import { AggregateClient } from './aggregate.ts';
import * as answers from './answers.ts';
import { Approvals } from './approvals.ts';
import { Budgets } from './budgets.ts';
import { followPages, type OnRetry } from './follow.ts';
import type { Job } from './job.ts';
import { Operations } from './operations.ts';
import { type Answered, type PageQuery, type RequestOptions, Requests, segment, type ViewOptions } from './requests.ts';
import { Sagas } from './sagas.ts';
import { Schedules } from './schedules.ts';
import { Subscriptions } from './subscriptions.ts';
import { Tasks } from './tasks.ts';
import { createTransport, type TransportOptions } from './transport.ts';
import { type WorkOptions, workOn } from './work.ts';
import { Workflows } from './workflows.ts';

export type { Clock } from '../core/events/clock.ts';
export { AggregateClient } from './aggregate.ts';
export type * from './answers.ts';
export { AnnalsRequestError, AnnalsUnreachableError } from './errors.ts';
export type { OnRetry } from './follow.ts';
export type { Job, JobCost } from './job.ts';
export type { Answered, RequestOptions, ViewOptions } from './requests.ts';
export type { Consumed, Delivery, Refusal, SubscriptionSettings } from './subscriptions.ts';
export type { WorkOptions } from './work.ts';

export interface StreamPage {
  readonly streamId: string;
  /** The stream's last sequence number. */
  readonly version: number;
  readonly events: readonly DomainEvent[];
  /** Cursor of the next page, null on the last. */
  readonly next: string | null;
}

/** The result of each append of a batch: its place, or a problem. */
export type BatchOutcome = answers.BatchAnswer['results'][number];

/** An event of the log. */
export type LoggedEvent = DomainEvent & { readonly position: string };

/** A filter of the log. Every member is optional. */
export interface LogQuery {
  /** Reads after this position; from the beginning when absent. */
  readonly after?: string | undefined;
  readonly types?: readonly EventType[] | undefined;
  readonly aggregateType?: string | undefined;
  readonly aggregateId?: string | undefined;
  readonly correlationId?: string | undefined;
  /** At or after, and at or before, an instant; ISO 8601. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** The time of events that `from` and `to` mean; `recorded` by default. By `happened`, `to` ends no loop. */
  readonly clock?: Clock | undefined;
}

export interface LogPage {
  readonly events: readonly LoggedEvent[];
  /** The position for the next request, also without events. */
  readonly next: string;
  /** The answer reached the end of the log. */
  readonly caughtUp: boolean;
}

/** How long the server holds each answer while the log has no news, seconds. */
const WAIT_SECONDS = 20;

/**
 * The typed API of Annals. Streams, the log and views are here, other methods in areas: `client.agents.create(...)`.
 * Every method retries where a retry can help. Then it throws {@link AnnalsRequestError} for a refusal and {@link
 * AnnalsUnreachableError} without an answer.
 */
export class AnnalsClient {
  readonly agents: Agents;
  readonly tasks: Tasks;
  readonly workflows: Workflows;
  readonly sagas: Sagas;
  readonly schedules: Schedules;
  readonly budgets: Budgets;
  readonly approvals: Approvals;
  readonly operations: Operations;
  readonly subscriptions: Subscriptions;
  readonly #requests: Requests;

  constructor(requests: Requests) {
    this.#requests = requests;
    this.agents = new Agents(requests);
    this.tasks = new Tasks(requests);
    this.workflows = new Workflows(requests);
    this.sagas = new Sagas(requests);
    this.schedules = new Schedules(requests);
    this.budgets = new Budgets(requests);
    this.approvals = new Approvals(requests);
    this.operations = new Operations(requests);
    this.subscriptions = new Subscriptions(requests);
  }

  /**
   * An aggregate of your application, with the types of its declaration: `client.aggregate<typeof invoice>('invoices')`.
   * @param plural the first part of its paths
   */
  aggregate<A>(plural: string): AggregateClient<A> {
    return new AggregateClient<A>(this.#requests, plural);
  }

  /** Appends 1 to 100 events, all or none. `expectedVersion` is a number (0 = a new stream), `any` or `exists`. */
  append(
    streamId: string,
    body: { readonly expectedVersion: number | 'any' | 'exists'; readonly events: readonly NewEvent[] },
    options?: RequestOptions,
  ): Promise<Answered<answers.AppendAnswer>> {
    return this.#requests.post(`/streams/${segment(streamId)}/events`, body, answers.appendAnswer, options);
  }

  /**
   * Appends to up to 100 streams, a commit each. The results come in the order of the appends; a refused append does
   * not affect the others.
   */
  appendBatch(
    appends: readonly {
      readonly streamId: string;
      readonly expectedVersion: number | 'any' | 'exists';
      readonly events: readonly NewEvent[];
    }[],
    options?: RequestOptions,
  ) {
    return this.#requests.post('/events:batch', { appends }, answers.batchAnswer, options);
  }

  /**
   * Appends to several streams, a commit each, all or none; `checks` are streams that have to be at a version without an
   * append, `conditions` tags of which no event may have come after a number. At most 100 items: see docs/transactions.md.
   */
  transact(
    transaction: {
      readonly appends: readonly {
        readonly streamId: string;
        readonly expectedVersion: number | 'any' | 'exists';
        readonly events: readonly NewEvent[];
      }[];
      readonly checks?: readonly { readonly streamId: string; readonly version: number }[] | undefined;
      readonly conditions?: readonly { readonly tag: string; readonly after: number }[] | undefined;
    },
    options?: RequestOptions,
  ) {
    return this.#requests.post('/transactions', transaction, answers.transactionAnswer, options);
  }

  /** A page of the events of a tag, over all streams; `after` is the `version` of the page before. */
  readTag(tag: string, query: { readonly after?: number; readonly limit?: number } = {}) {
    return this.#requests.get(`/tags/${segment(tag)}/events`, answers.tagAnswer, query);
  }

  /** A page of a stream's events; `from` and `to` are sequence numbers, both included. */
  readStream(
    streamId: string,
    query: PageQuery & {
      readonly from?: number;
      readonly to?: number;
      readonly direction?: 'forward' | 'backward';
    } = {},
  ): Promise<StreamPage> {
    return this.#requests.get(`/streams/${segment(streamId)}/events`, answers.streamAnswer, query);
  }

  /**
   * A page of the events of a stream whose data has the text, the newest first by default; of a fork also those of its
   * parents. `text` has 1 to 256 characters; case does not matter. A page with few matches or none may have a `next`:
   * give it as `cursor` with the same text.
   */
  searchStream(
    streamId: string,
    query: PageQuery & { readonly text: string; readonly direction?: 'forward' | 'backward' },
  ) {
    return this.#requests.get(`/streams/${segment(streamId)}/search`, answers.searchAnswer, query);
  }

  /** A page of the streams whose ids start with `prefix`, in the order of their ids. */
  listStreams(query: PageQuery & { readonly prefix?: string | undefined } = {}) {
    return this.#requests.get('/streams', answers.streamsPage, query);
  }

  /**
   * A page of the log: the events of all streams in one order. `wait` is the longest time to wait for an event, in
   * seconds, 20 at most.
   */
  readLog(query: LogQuery & { readonly limit?: number; readonly wait?: number } = {}): Promise<LogPage> {
    return this.#readLog(query, { heldMs: (query.wait ?? 0) * 1_000 });
  }

  /**
   * Follows the log: every event after a position, once and in order, then every new event. It ends when the loop ends,
   * when the signal aborts, or after the last event recorded before `to`. It fetches the next page after the loop has taken the
   * last event. To continue later, start after the position of the last event.
   *
   * It survives outages, restarts and proxies: without an answer, and after an answer that is not JSON, 408, 425, 429
   * or 5xx, it requests the page again, 200 ms to 10 s later or when `Retry-After` says. `onRetry` hears of each failure.
   * Any other refusal ends it (400, 401, 403, 404, 409, 421, 422), and so does an answer that this client does not know. Once a page
   * was read, the URL is right: then answers below 400 and 404 that are not of Annals are a proxy's, and end nothing.
   * @throws AnnalsRequestError when the server refuses the request, or cannot read an event of the log
   */
  follow({
    after,
    signal,
    onRetry,
    ...query
  }: LogQuery & {
    readonly limit?: number;
    readonly signal?: AbortSignal | undefined;
    readonly onRetry?: OnRetry | undefined;
  } = {}): AsyncGenerator<LoggedEvent> {
    const read = (position: string | undefined, heldMs: number, signal: AbortSignal | undefined) => {
      const wait = Math.floor(heldMs / 1_000);
      return this.#readLog(
        { ...query, after: position, ...(wait > 0 ? { wait } : {}) },
        { heldMs, signal, once: true },
      );
    };
    return followPages(
      read,
      { after, to: query.clock === 'happened' ? undefined : query.to, signal, onRetry },
      WAIT_SECONDS * 1_000,
    );
  }

  /**
   * The jobs of an agent, as they come: `for await (const job of client.work({ agentType: 'coder' })) { ... }`. Each job ends
   * with `complete`, `fail` or `release`; heartbeats keep it until then, and `job.signal` aborts when it is lost. `signal` ends
   * the loop when the jobs in hand have ended; leaving the loop in another way gives unfinished jobs back. Outages end nothing.
   * @throws AnnalsRequestError when the server refuses to look for work
   */
  work(options: WorkOptions): AsyncGenerator<Job> {
    return workOn(this.#requests, options);
  }

  /** Any view, by its projection and its key. */
  view(projection: string, key: string, options?: ViewOptions) {
    return this.#requests.get(`/projections/${segment(projection)}/${segment(key)}`, answers.anyView, options);
  }

  /** A page of the views of a projection at an instant (ISO 8601), folded from the log. */
  projectionAt(projection: string, query: { readonly at: string; readonly clock?: Clock | undefined } & PageQuery) {
    return this.#requests.get(`/projections/${segment(projection)}`, answers.pastProjection, query);
  }

  async #readLog({ types, ...query }: LogQuery & { readonly limit?: number; readonly wait?: number }, held: object) {
    const page = await this.#requests.get('/events', answers.logAnswer, { ...query, type: types?.join(',') }, held);
    return page as LogPage; // every event of the log has a position
  }
}

/**
 * A client of the API at `url`.
 * @throws TypeError when `url` is not an http or https URL
 */
export function createClient(options: TransportOptions): AnnalsClient {
  return new AnnalsClient(new Requests(createTransport(options)));
}

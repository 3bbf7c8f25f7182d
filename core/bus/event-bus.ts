import type { DomainEvent, EventType } from '../events/catalogue.ts';

export type EventHandler<T extends EventType = EventType> = (event: DomainEvent<T>) => void | Promise<void>;
/** Sees, and may replace, every event before it is published. Throwing refuses it: it counts as not published. */
export type EventMiddleware = (event: DomainEvent) => DomainEvent | Promise<DomainEvent>;
/** Says whether an event is published at all. */
export type EventFilter = (event: DomainEvent) => boolean;

export interface Subscription {
  unsubscribe(): void;
}

/** A way out of the process, such as EventBridge. */
export interface EventPublisher {
  /**
   * Publishes events in their order.
   * @returns those that were not published, with the reason; throws only when nothing is known of any
   */
  publish(events: readonly DomainEvent[]): Promise<readonly PublishFailure[]>;
}

export interface PublishFailure {
  readonly event: DomainEvent;
  readonly error: unknown;
}

export interface EventBusOptions {
  /** Told of a subscriber that threw; the event went to everyone else all the same. */
  readonly onHandlerError: (error: unknown, event: DomainEvent) => void;
  /** Runs what a subscriber does with an event, to see how long it takes and how it ends. */
  readonly observe?: (event: DomainEvent, handle: () => Promise<void>) => Promise<void>;
}

/**
 * Publishes events: middlewares, then filters, then external publishers and local subscribers side by side.
 * Subscribers cannot disturb each other or the publishers; what a publisher could not deliver is returned.
 */
export class EventBus {
  readonly #subscribers = new Map<string, Set<EventHandler>>();
  readonly #publishers = new Map<string, EventPublisher>();
  readonly #middlewares: EventMiddleware[] = [];
  readonly #filters: EventFilter[] = [];
  readonly #onHandlerError: EventBusOptions['onHandlerError'];
  readonly #observe: NonNullable<EventBusOptions['observe']>;

  constructor(options: EventBusOptions) {
    this.#onHandlerError = options.onHandlerError;
    this.#observe = options.observe ?? ((_, handle) => handle());
  }

  /** Calls `handler` for each event of a type, or of every type with `*`. A handler is called once an event per subscription. */
  subscribe<T extends EventType>(type: T, handler: EventHandler<T>): Subscription;
  subscribe(type: '*', handler: EventHandler): Subscription;
  subscribe(type: string, handler: EventHandler<never>): Subscription {
    const own: EventHandler = (event) => handler(event as never);
    const handlers = this.#subscribers.get(type) ?? new Set();
    this.#subscribers.set(type, handlers.add(own));
    return { unsubscribe: () => void handlers.delete(own) };
  }

  /** Adds a way out, or replaces the one of that name. */
  addPublisher(name: string, publisher: EventPublisher): void {
    this.#publishers.set(name, publisher);
  }

  addMiddleware(middleware: EventMiddleware): void {
    this.#middlewares.push(middleware);
  }

  addFilter(filter: EventFilter): void {
    this.#filters.push(filter);
  }

  /**
   * Publishes events in their order: each subscriber has finished with one before it sees the next.
   * @returns what was not published, by a middleware's refusal or a publisher's; empty when all is well
   */
  async publish(events: readonly DomainEvent[]): Promise<readonly PublishFailure[]> {
    const failures: PublishFailure[] = [];
    const outgoing: DomainEvent[] = [];
    for (const event of events) {
      try {
        const processed = await this.#process(event);
        if (this.#filters.every((wanted) => wanted(processed))) outgoing.push(processed);
      } catch (error) {
        failures.push({ event, error });
      }
    }
    if (outgoing.length === 0) return failures;
    const published = [...this.#publishers.values()].map((publisher) => publishAll(publisher, outgoing));
    const [fromPublishers] = await Promise.all([Promise.all(published), this.#notify(outgoing)]);
    return failures.concat(...fromPublishers);
  }

  async #process(event: DomainEvent): Promise<DomainEvent> {
    let processed = event;
    for (const middleware of this.#middlewares) processed = await middleware(processed);
    return processed;
  }

  async #notify(events: readonly DomainEvent[]): Promise<void> {
    for (const event of events) {
      const handlers = [...(this.#subscribers.get(event.type) ?? []), ...(this.#subscribers.get('*') ?? [])];
      await Promise.all(handlers.map((handler) => this.#deliver(handler, event)));
    }
  }

  async #deliver(handler: EventHandler, event: DomainEvent): Promise<void> {
    try {
      await this.#observe(event, async () => handler(event));
    } catch (error) {
      this.#onHandlerError(error, event);
    }
  }
}

async function publishAll(
  publisher: EventPublisher,
  events: readonly DomainEvent[],
): Promise<readonly PublishFailure[]> {
  try {
    return await publisher.publish(events);
  } catch (error) {
    return events.map((event) => ({ event, error }));
  }
}

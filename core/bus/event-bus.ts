import type { DomainEvent, EventType } from '../events/catalogue.ts';

/** A subscriber's function. Its errors affect no other subscriber. */
export type EventHandler<T extends EventType = EventType> = (event: DomainEvent<T>) => void | Promise<void>;
/** Gets every event before it is published, and may replace it. When it throws, the event counts as not published. */
export type EventMiddleware = (event: DomainEvent) => DomainEvent | Promise<DomainEvent>;
/** Decides whether an event is published. */
export type EventFilter = (event: DomainEvent) => boolean;

/** A subscription; `unsubscribe` ends it. */
export interface Subscription {
  unsubscribe(): void;
}

/** The port to a bus outside the process, such as EventBridge. */
export interface EventPublisher {
  /**
   * Publishes events in their order.
   * @returns the events that were not published, each with its error; throws only when the result is unknown for all
   */
  publish(events: readonly DomainEvent[]): Promise<readonly PublishFailure[]>;
}

/** An event that was not published, and the reason. */
export interface PublishFailure {
  readonly event: DomainEvent;
  readonly error: unknown;
}

/** The parts of an {@link EventBus}. */
export interface EventBusOptions {
  /** Called when a subscriber threw. All other subscribers still got the event. */
  readonly onHandlerError: (error: unknown, event: DomainEvent) => void;
  /** Runs a subscriber's handling of an event; measures its time and outcome. */
  readonly observe?: (event: DomainEvent, handle: () => Promise<void>) => Promise<void>;
}

/**
 * Publishes events: first middlewares, then filters, then external publishers and local subscribers side by side.
 * Subscribers do not affect each other or the publishers. Undelivered events are returned.
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

  /** Calls `handler` for each event of a type, or of every type with `*`: once for each event and subscription. */
  subscribe<T extends EventType>(type: T, handler: EventHandler<T>): Subscription;
  subscribe(type: '*', handler: EventHandler): Subscription;
  subscribe(type: string, handler: EventHandler<never>): Subscription {
    const subscriber: EventHandler = (event) => handler(event as never);
    const handlers = this.#subscribers.get(type) ?? new Set();
    this.#subscribers.set(type, handlers.add(subscriber));
    return { unsubscribe: () => void handlers.delete(subscriber) };
  }

  /** Adds a publisher, or replaces the publisher of that name. */
  addPublisher(name: string, publisher: EventPublisher): void {
    this.#publishers.set(name, publisher);
  }

  /** Adds a middleware. Middlewares run in the order in which they were added. */
  addMiddleware(middleware: EventMiddleware): void {
    this.#middlewares.push(middleware);
  }

  /** Adds a filter. An event is published when all filters accept it. */
  addFilter(filter: EventFilter): void {
    this.#filters.push(filter);
  }

  /**
   * Publishes events in their order. All subscribers finish an event before any of them gets the next event.
   * @returns the events that a middleware or a publisher refused; empty when all were published
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

import {
  PutEventsCommand,
  type PutEventsCommandOutput,
  type PutEventsRequestEntry,
  type PutEventsResultEntry,
} from '@aws-sdk/client-eventbridge';
import {
  type CircuitBreakerPolicy,
  ConsecutiveBreaker,
  circuitBreaker,
  handleType,
  isBrokenCircuitError,
} from 'cockatiel';
import { UnavailableError, ValidationError } from '../../../core/base/errors.ts';
import type { EventPublisher, PublishFailure } from '../../../core/bus/event-bus.ts';
import type { DomainEvent } from '../../../core/events/catalogue.ts';
import { byReference } from '../../../core/publishing/event-reference.ts';
import { verdictOn } from '../clients/error-names.ts';
import { reaching } from '../clients/service-error.ts';

/**
 * EventBridge takes 10 entries and less than 1 MB in one request. The rest of the megabyte is for the envelope that
 * EventBridge puts around an event: a function or queue behind a rule takes 1 MB, too.
 */
const MAX_ENTRIES = 10;
const MAX_BYTES = 1_000_000;
/** Failed calls in a row, each of 6 s when EventBridge hangs: the breaker opens well within an invocation. */
export const BREAK_AFTER = 3;
/** What EventBridge counts for the time of an entry. */
const TIME_BYTES = 14;

export interface EventBridgePublisherOptions {
  /** Trace header of what made an event, if known. */
  readonly traceOf?: (event: DomainEvent) => string | undefined;
  /** Failed calls in a row after which the bus is left alone for a while; 3 by default. */
  readonly breakAfter?: number;
  /** How long, in milliseconds; then one call tries again. 10 s by default. */
  readonly restMs?: number;
}

interface Outgoing {
  readonly event: DomainEvent;
  readonly entry: PutEventsRequestEntry;
  readonly bytes: number;
}

/** The part of EventBridgeClient that is used. */
interface Sender {
  send(command: PutEventsCommand): Promise<PutEventsCommandOutput>;
}

/** Publishes events to an EventBridge bus: source `annals.<aggregateType>`, detail the event as the HTTP API gives it. */
export class EventBridgePublisher implements EventPublisher {
  readonly #client: Sender;
  readonly #bus: string;
  readonly #traceOf: (event: DomainEvent) => string | undefined;
  readonly #breaker: CircuitBreakerPolicy;

  constructor(client: Sender, bus: string, options: EventBridgePublisherOptions = {}) {
    const { traceOf = () => undefined, breakAfter = BREAK_AFTER, restMs = 10_000 } = options;
    this.#client = client;
    this.#bus = bus;
    this.#traceOf = traceOf;
    const breaker = new ConsecutiveBreaker(breakAfter);
    this.#breaker = circuitBreaker(handleType(UnavailableError), { halfOpenAfter: restMs, breaker });
  }

  /** Publishes in requests of at most 10 events and 1 MB; one that fails does not keep the next from being tried. */
  async publish(events: readonly DomainEvent[]): Promise<readonly PublishFailure[]> {
    const failures: PublishFailure[] = [];
    for (const batch of batches(events.map((event) => this.#outgoing(event)))) {
      failures.push(...(await this.#send(batch)));
    }
    return failures;
  }

  #outgoing(event: DomainEvent): Outgoing {
    const whole = this.#entry(event, event);
    return whole.bytes <= MAX_BYTES ? whole : this.#entry(event, byReference(event));
  }

  #entry(event: DomainEvent, detail: object): Outgoing {
    const TraceHeader = this.#traceOf(event);
    const content = { Source: `annals.${event.aggregateType}`, DetailType: event.type, Detail: JSON.stringify(detail) };
    const bytes = Object.values(content).reduce((sum, text) => sum + Buffer.byteLength(text), TIME_BYTES);
    const time = { Time: new Date(event.timestamp) };
    const trace = TraceHeader === undefined ? {} : { TraceHeader };
    return { event, bytes, entry: { EventBusName: this.#bus, ...content, ...time, ...trace } };
  }

  async #send(batch: readonly Outgoing[]): Promise<PublishFailure[]> {
    const command = new PutEventsCommand({ Entries: batch.map(({ entry }) => entry) });
    try {
      const { Entries } = await this.#breaker.execute(() => reaching('EventBridge', () => this.#client.send(command)));
      return batch.flatMap(({ event }, index) => {
        const result = Entries?.[index];
        return result?.EventId ? [] : [{ event, error: refusal(event, result) }];
      });
    } catch (cause) {
      if (isBrokenCircuitError(cause)) {
        const error = new UnavailableError('EventBridge failed several times in a row; it is left alone for a while', {
          cause,
        });
        return batch.map(({ event }) => ({ event, error }));
      }
      // A request that is refused as a whole does not say for which entry: each alone shows that.
      const isAlone = batch.length === 1 || cause instanceof UnavailableError;
      if (isAlone) return batch.map(({ event }) => ({ event, error: cause }));
      const failures: PublishFailure[] = [];
      for (const one of batch) failures.push(...(await this.#send([one])));
      return failures;
    }
  }
}

/** Splits into requests within both limits, in order. */
function batches(outgoing: readonly Outgoing[]): Outgoing[][] {
  const all: Outgoing[][] = [];
  let bytes = 0;
  for (const one of outgoing) {
    const batch = all.at(-1);
    bytes += one.bytes;
    if (batch && batch.length < MAX_ENTRIES && bytes <= MAX_BYTES) {
      batch.push(one);
    } else {
      all.push([one]);
      bytes = one.bytes;
    }
  }
  return all;
}

/** @returns ValidationError when EventBridge never takes this entry, else UnavailableError */
function refusal(event: DomainEvent, result: PutEventsResultEntry | undefined): Error {
  const reason = result ? `${result.ErrorCode}: ${result.ErrorMessage}` : 'no answer for it';
  const message = `EventBridge did not take event ${event.id} (${reason})`;
  const isForGood = verdictOn('EventBridge', result?.ErrorCode, result?.ErrorMessage) === 'request';
  return isForGood ? new ValidationError([{ path: '', message }]) : new UnavailableError(message);
}

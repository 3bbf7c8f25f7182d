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
  handleAll,
  isBrokenCircuitError,
} from 'cockatiel';
import { UnavailableError, ValidationError } from '../../../core/base/errors.ts';
import { streamId } from '../../../core/base/stream-id.ts';
import type { EventPublisher, PublishFailure } from '../../../core/bus/event-bus.ts';
import type { DomainEvent } from '../../../events/catalogue.ts';
import { reaching } from '../clients/service-error.ts';

/** EventBridge's limits on one request, as its documentation has them; the bytes are those of all entries together. */
const MAX_ENTRIES = 10;
const MAX_BYTES = 256 * 1024;
/** What EventBridge counts for the time of an entry. */
const TIME_BYTES = 14;

export interface EventBridgePublisherOptions {
  /** Trace header of what made an event, if known. */
  readonly traceOf?: (event: DomainEvent) => string | undefined;
  /** Failed calls in a row after which the bus is left alone for a while. */
  readonly breakAfter?: number;
  /** How long, in milliseconds; then one call tries again. */
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
    const { traceOf = () => undefined, breakAfter = 5, restMs = 10_000 } = options;
    this.#client = client;
    this.#bus = bus;
    this.#traceOf = traceOf;
    this.#breaker = circuitBreaker(handleAll, { halfOpenAfter: restMs, breaker: new ConsecutiveBreaker(breakAfter) });
  }

  /** Publishes in requests of at most 10 events and 256 KB; one that fails does not keep the next from being tried. */
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
      const { Entries } = await this.#breaker.execute(() => reaching('EventBridge', this.#client.send(command)));
      return batch.flatMap(({ event }, index) => {
        const result = Entries?.[index];
        return result?.EventId ? [] : [{ event, error: refusal(event, result) }];
      });
    } catch (cause) {
      const error = isBrokenCircuitError(cause)
        ? new UnavailableError('EventBridge failed several times in a row and is left alone for a while', { cause })
        : cause;
      return batch.map(({ event }) => ({ event, error }));
    }
  }
}

/**
 * What is published of an event that is too large for the bus: its envelope, so that rules match it as any other, and
 * where to read the rest. An event never changes, so whoever follows the reference gets what would have been sent.
 */
function byReference({ data: _, metadata, ...envelope }: DomainEvent) {
  const { aggregateType, aggregateId, sequenceNumber } = envelope;
  const stream = streamId(aggregateType, aggregateId);
  const url = `/streams/${stream}/events?from=${sequenceNumber}&to=${sequenceNumber}`;
  return {
    ...envelope,
    metadata: { recordedAt: metadata.recordedAt },
    reference: { streamId: stream, sequenceNumber, url },
  };
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

/** What EventBridge says of an entry that it would take at another time; any other code is about the entry itself. */
const passing: ReadonlySet<string | undefined> = new Set([
  'ThrottlingException',
  'InternalFailure',
  'InternalException',
  'ServiceUnavailable',
  'ConcurrentModificationException',
]);

/** @returns UnavailableError when the entry may be taken later, ValidationError when it never will */
function refusal(event: DomainEvent, result: PutEventsResultEntry | undefined): Error {
  const reason = result ? `${result.ErrorCode}: ${result.ErrorMessage}` : 'no answer for it';
  const message = `EventBridge did not take event ${event.id} (${reason})`;
  const later = !result || passing.has(result.ErrorCode);
  return later ? new UnavailableError(message) : new ValidationError([{ path: '', message }]);
}

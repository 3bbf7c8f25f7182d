import { PutEventsCommand, type PutEventsCommandOutput, type PutEventsResultEntry } from '@aws-sdk/client-eventbridge';
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
import { MAX_BYTES, Outbox, type Outgoing, streamOf } from './outbox.ts';

/** Failed calls in a row, each of 6 s when EventBridge hangs: the breaker opens well within an invocation. */
export const BREAK_AFTER = 3;
/**
 * Requests under way at once. A request takes some 15 ms, most of it waiting: one after the other, they were what the relay
 * spent its time on. More than 8 wait for the processor (`npm run bench -- relay`).
 */
const IN_FLIGHT = 8;
/** What EventBridge counts for the time of an entry. */
const TIME_BYTES = 14;

export interface EventBridgePublisherOptions {
  /** Trace header of what made an event, if known. */
  readonly traceOf?: (event: DomainEvent) => string | undefined;
  /** Failed calls in a row after which the bus is left alone for a while; 3 by default. */
  readonly breakAfter?: number;
  /** How long, in milliseconds; then one call tries again. 10 s by default. */
  readonly restMs?: number;
  /** Requests under way at once; 8 by default. */
  readonly inFlight?: number;
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
  readonly #inFlight: number;

  constructor(client: Sender, bus: string, options: EventBridgePublisherOptions = {}) {
    const { traceOf = () => undefined, breakAfter = BREAK_AFTER, restMs = 10_000, inFlight = IN_FLIGHT } = options;
    this.#client = client;
    this.#bus = bus;
    this.#traceOf = traceOf;
    this.#inFlight = inFlight;
    const breaker = new ConsecutiveBreaker(breakAfter);
    this.#breaker = circuitBreaker(handleType(UnavailableError), { halfOpenAfter: restMs, breaker });
  }

  /**
   * Publishes in requests of at most 10 events and 1 MB, several of them at once. No event is sent before all earlier ones of
   * its stream were taken: those behind one that was not are returned with it. Other streams go on.
   */
  async publish(events: readonly DomainEvent[]): Promise<readonly PublishFailure[]> {
    const outbox = new Outbox(events.map((event) => this.#outgoing(event)));
    const failures: PublishFailure[] = [];
    const underWay = new Set<Promise<void>>();
    const send = async (request: readonly Outgoing[]): Promise<void> => {
      const refused = await this.#send(request);
      const errors = new Map(refused.map(({ event, error }) => [event, error]));
      const failed = new Map(
        request.flatMap((one) => (errors.has(one.event) ? [[streamOf(one), errors.get(one.event)]] : [])),
      );
      const held = outbox.settle(request, new Set(failed.keys()));
      failures.push(...refused, ...held.map((one) => ({ event: one.event, error: failed.get(streamOf(one)) })));
    };
    for (;;) {
      while (underWay.size < this.#inFlight) {
        const request = outbox.next();
        if (request.length === 0) break;
        const sent: Promise<void> = send(request).finally(() => underWay.delete(sent));
        underWay.add(sent);
      }
      if (underWay.size === 0) return failures;
      await Promise.race(underWay);
    }
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
      return this.#sendEach(batch);
    }
  }

  /** One after the other; what comes after an event that was not taken, of the same stream, stays behind with it. */
  async #sendEach(batch: readonly Outgoing[]): Promise<PublishFailure[]> {
    const failures: PublishFailure[] = [];
    const failed = new Map<string, unknown>();
    for (const one of batch) {
      const stream = streamOf(one);
      const [failure] = failed.has(stream)
        ? [{ event: one.event, error: failed.get(stream) }]
        : await this.#send([one]);
      if (!failure) continue;
      failures.push(failure);
      if (!failed.has(stream)) failed.set(stream, failure.error);
    }
    return failures;
  }
}

/** @returns ValidationError when EventBridge never takes this entry, else UnavailableError */
function refusal(event: DomainEvent, result: PutEventsResultEntry | undefined): Error {
  const reason = result ? `${result.ErrorCode}: ${result.ErrorMessage}` : 'no answer for it';
  const message = `EventBridge did not take event ${event.id} (${reason})`;
  const isForGood = verdictOn('EventBridge', result?.ErrorCode, result?.ErrorMessage) === 'request';
  return isForGood ? new ValidationError([{ path: '', message }]) : new UnavailableError(message);
}

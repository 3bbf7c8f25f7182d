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
import { toCloudEvent } from '../../../core/publishing/cloud-event.ts';
import { byReference } from '../../../core/publishing/event-reference.ts';
import { verdictOn } from '../clients/error-names.ts';
import { callService } from '../clients/service-error.ts';
import { MAX_BYTES, Outbox, type Outgoing, outgoingStream } from './outbox.ts';

/** The breaker opens after this many failed calls in a row: within an invocation, as a call takes 6 s when EventBridge hangs. */
export const BREAK_AFTER = 3;
/**
 * Requests under way at once. A request takes some 15 ms, most of it waiting, so requests in sequence would take most of
 * the relay's time. More than 8 only wait for the processor (`npm run bench -- relay`).
 */
const IN_FLIGHT = 8;
/** EventBridge counts this many bytes for the time of an entry. */
const TIME_BYTES = 14;

/** Settings of {@link EventBridgePublisher}. */
export interface EventBridgePublisherOptions {
  /** The trace header of the request that wrote an event, if known. */
  readonly traceOf?: (event: DomainEvent) => string | undefined;
  /** Failed calls in a row after which the publisher pauses; 3 by default. */
  readonly breakAfter?: number;
  /** Length of the pause in milliseconds, after which a single call tries again; 10,000 by default. */
  readonly restMs?: number;
  /** The form of the detail: the event as in the HTTP API, or a CloudEvent. `annals` by default. */
  readonly format?: 'annals' | 'cloudevents';
  /** Requests under way at once; 8 by default. */
  readonly inFlight?: number;
}

/** The part of EventBridgeClient that the publisher needs. */
interface Sender {
  send(command: PutEventsCommand): Promise<PutEventsCommandOutput>;
}

/** Publishes events to an EventBridge bus. The source is `annals.<aggregateType>`, the detail is the event as in the HTTP API, or a CloudEvent. */
export class EventBridgePublisher implements EventPublisher {
  readonly #client: Sender;
  readonly #bus: string;
  readonly #traceOf: (event: DomainEvent) => string | undefined;
  readonly #breaker: CircuitBreakerPolicy;
  readonly #inFlight: number;
  readonly #detailOf: (event: DomainEvent, isWhole: boolean) => object;

  constructor(client: Sender, bus: string, options: EventBridgePublisherOptions = {}) {
    const {
      traceOf = () => undefined,
      breakAfter = BREAK_AFTER,
      restMs = 10_000,
      inFlight = IN_FLIGHT,
      format,
    } = options;
    this.#client = client;
    this.#bus = bus;
    this.#traceOf = traceOf;
    this.#inFlight = inFlight;
    this.#detailOf = format === 'cloudevents' ? toCloudEvent : asInApi;
    const breaker = new ConsecutiveBreaker(breakAfter);
    this.#breaker = circuitBreaker(handleType(UnavailableError), { halfOpenAfter: restMs, breaker });
  }

  /**
   * Publishes in requests of at most 10 events and 1 MB, several of them at once. An event is sent when EventBridge has
   * taken all earlier events of its stream. Other streams go on after a refusal.
   * @returns the events that EventBridge refused, and those behind them in their streams, each with the error
   */
  async publish(events: readonly DomainEvent[]): Promise<readonly PublishFailure[]> {
    const outbox = new Outbox(events.map((event) => this.#outgoing(event)));
    const failures: PublishFailure[] = [];
    const underWay = new Set<Promise<void>>();
    const send = async (request: readonly Outgoing[]): Promise<void> => {
      const refused = await this.#send(request);
      const errors = new Map(refused.map(({ event, error }) => [event, error]));
      const failed = new Map(
        request.flatMap((outgoing) =>
          errors.has(outgoing.event) ? [[outgoingStream(outgoing), errors.get(outgoing.event)]] : [],
        ),
      );
      const held = outbox.settle(request, new Set(failed.keys()));
      const behind = held.map((outgoing) => ({ event: outgoing.event, error: failed.get(outgoingStream(outgoing)) }));
      failures.push(...refused, ...behind);
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
    const whole = this.#entry(event, this.#detailOf(event, true));
    return whole.bytes <= MAX_BYTES ? whole : this.#entry(event, this.#detailOf(event, false));
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
    const send = () => callService('EventBridge', () => this.#client.send(command));
    try {
      const { Entries } = await this.#breaker.execute(send);
      return batch.flatMap(({ event }, index) => {
        const result = Entries?.[index];
        return result?.EventId ? [] : [{ event, error: refusal(event, result) }];
      });
    } catch (cause) {
      if (isBrokenCircuitError(cause)) {
        const error = new UnavailableError('EventBridge failed several times in a row; the publisher pauses', {
          cause,
        });
        return batch.map(({ event }) => ({ event, error }));
      }
      // EventBridge refused the request as a whole without naming the entry. Requests with single entries find it.
      const isAlone = batch.length === 1 || cause instanceof UnavailableError;
      if (isAlone) return batch.map(({ event }) => ({ event, error: cause }));
      return this.#sendEach(batch);
    }
  }

  /** Sends each event in a separate request, in sequence. Events behind a refused event of their stream are not sent. */
  async #sendEach(batch: readonly Outgoing[]): Promise<PublishFailure[]> {
    const failures: PublishFailure[] = [];
    const failed = new Map<string, unknown>();
    for (const outgoing of batch) {
      const stream = outgoingStream(outgoing);
      const [failure] = failed.has(stream)
        ? [{ event: outgoing.event, error: failed.get(stream) }]
        : await this.#send([outgoing]);
      if (!failure) continue;
      failures.push(failure);
      if (!failed.has(stream)) failed.set(stream, failure.error);
    }
    return failures;
  }
}

const asInApi = (event: DomainEvent, isWhole: boolean): object => (isWhole ? event : byReference(event));

/** @returns ValidationError when EventBridge never takes this entry, else UnavailableError */
function refusal(event: DomainEvent, result: PutEventsResultEntry | undefined): Error {
  const reason = result ? `${result.ErrorCode}: ${result.ErrorMessage}` : 'no answer for it';
  const message = `EventBridge did not take event ${event.id} (${reason})`;
  const isForGood = verdictOn('EventBridge', result?.ErrorCode, result?.ErrorMessage) === 'request';
  return isForGood ? new ValidationError([{ path: '', message }]) : new UnavailableError(message);
}

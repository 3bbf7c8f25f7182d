import { type CircuitBreakerPolicy, CircuitState, ConsecutiveBreaker, circuitBreaker, handleAll } from 'cockatiel';
import { NotFoundError } from '../base/errors.ts';
import type { Logger } from '../base/log-lines.ts';
import type { DomainEvent } from '../events/catalogue.ts';
import type { Definition } from './decider.ts';
import type { SubscriptionOperations } from './operations.ts';
import type { PushTargets } from './push-targets.ts';
import type { Answer, Subscriptions } from './subscriptions.ts';
import type { Delivery } from './take.ts';

/** The answer of a receiver: it took the event, or it wants no event any more. */
export type Pushed = 'done' | 'gone';

/** The port to receivers. */
export interface PushSender {
  /**
   * Sends an event.
   * @param to where to, the secret that signs, and what ends the attempt
   * @throws Error with the reason, when the receiver did not take it
   */
  send(
    event: DomainEvent,
    to: { readonly url: string; readonly secret: string; readonly signal: AbortSignal },
  ): Promise<Pushed>;
}

/** The parts of a {@link Push}. */
export interface PushParts {
  readonly subscriptions: Subscriptions;
  readonly operations: Pick<SubscriptionOperations, 'pause'>;
  readonly targets: PushTargets;
  readonly sender: PushSender;
  readonly logger: Pick<Logger, 'warn'>;
  /** Pause before the first retry of an event, milliseconds; it doubles, up to an hour. 5,000 by default. */
  readonly firstDelayMs?: number;
  /** Pause after failures in a row, milliseconds; 30,000 by default. */
  readonly restMs?: number;
}

/** Events that are under way to one receiver at most, each of another stream. */
const IN_FLIGHT = 16;
const FIRST_DELAY_MS = 5_000;
const LONGEST_DELAY_MS = 60 * 60 * 1_000;
/** Longest wait for a receiver, milliseconds. */
const TIMEOUT_MS = 15_000;
/** Failures in a row after which a receiver gets a rest. */
const BREAK_AFTER = 5;
const REST_MS = 30_000;

interface Circuit {
  readonly policy: CircuitBreakerPolicy;
  restsUntil: number;
}

/**
 * Pushes the events of subscriptions: it takes them as any consumer does, sends them, and answers for their receivers. So the
 * order of each stream, retries and parked events are those of every subscription, and several processes may push at once.
 */
export class Push {
  readonly #parts: PushParts;
  readonly #circuits = new Map<string, Circuit>();

  constructor(parts: PushParts) {
    this.#parts = parts;
  }

  /**
   * Sends what can be sent, at most 16 events.
   * @param options.waitMs longest wait for a first event, milliseconds
   * @returns when to go on: at once after deliveries and after an idle wait, not before the end of a rest; undefined for a
   *   subscription that does not push
   * @throws UnavailableError when a storage cannot be reached; what is under way is delivered again
   */
  async run(
    name: string,
    { waitMs, signal }: { readonly waitMs: number; readonly signal?: AbortSignal | undefined },
  ): Promise<{ readonly sent: number; readonly notBefore: number } | undefined> {
    const { subscriptions, targets } = this.#parts;
    const definition = await subscriptions.state(name).then((state) => state.definition);
    if (!definition?.push || definition.paused !== undefined) return undefined;
    const circuit = this.#circuitOf(definition);
    if (circuit.restsUntil > Date.now()) return { sent: 0, notBefore: circuit.restsUntil };
    const max = circuit.policy.state === CircuitState.Closed ? IN_FLIGHT : 1;
    const deliveries = await subscriptions.take(name, { max, waitMs, signal }).catch(absent);
    if (deliveries.length === 0) return { sent: 0, notBefore: circuit.restsUntil };
    // Read after the wait: the events go to the present receiver.
    const { definition: present } = await subscriptions.state(name);
    if (!present?.push || present.paused !== undefined) {
      const answers = deliveries.map(({ token }) => ({ token, action: 'release' as const }));
      await subscriptions.settle(name, answers).catch(absent);
      return undefined;
    }
    const to = { url: present.push.url, secret: await targets.secret(name), signal };
    await Promise.all(deliveries.map((delivery) => this.#deliver(present, circuit, delivery, to)));
    return { sent: deliveries.length, notBefore: circuit.restsUntil };
  }

  async #deliver(
    { name }: Definition,
    { policy }: Circuit,
    { event, token, attempt, until }: Delivery,
    to: { readonly url: string; readonly secret: string; readonly signal: AbortSignal | undefined },
  ): Promise<void> {
    const { subscriptions, operations, sender } = this.#parts;
    // The attempt ends before the delivery does, so that no later attempt overtakes it.
    const ms = Math.max(1, Math.min(TIMEOUT_MS, Math.floor((Date.parse(until) - Date.now()) * 0.8)));
    let answer: Answer;
    try {
      const timeout = AbortSignal.timeout(ms);
      const signal = to.signal ? AbortSignal.any([timeout, to.signal]) : timeout;
      const pushed = await policy.execute(() => sender.send(event, { ...to, signal }));
      answer = { token, action: 'ack' };
      if (pushed === 'gone') {
        const reason = 'the receiver answered 410';
        await operations.pause(name, reason);
        answer = { token, action: 'retry', reason };
      }
    } catch (error) {
      answer = to.signal?.aborted
        ? { token, action: 'release' }
        : { token, action: 'retry', delayMs: this.#delay(attempt), reason: reasonOf(error, ms) };
    }
    await subscriptions.settle(name, [answer]).catch(absent);
  }

  #delay(attempt: number): number {
    const longest = Math.min(LONGEST_DELAY_MS, (this.#parts.firstDelayMs ?? FIRST_DELAY_MS) * 2 ** (attempt - 1));
    return Math.round(longest * (0.5 + Math.random() / 2));
  }

  /** A receiver has a circuit: a change of the settings begins with a new circuit. */
  #circuitOf({ name, created, revision }: Definition): Circuit {
    const id = `${name}/${created}/${revision}`;
    const known = this.#circuits.get(id);
    if (known) return known;
    for (const other of this.#circuits.keys()) if (other.startsWith(`${name}/`)) this.#circuits.delete(other);
    const halfOpenAfter = this.#parts.restMs ?? REST_MS;
    const policy = circuitBreaker(handleAll, { halfOpenAfter, breaker: new ConsecutiveBreaker(BREAK_AFTER) });
    const circuit: Circuit = { policy, restsUntil: 0 };
    policy.onBreak(() => {
      circuit.restsUntil = Date.now() + halfOpenAfter;
      this.#parts.logger.warn('a receiver of pushes fails, and gets a rest', {
        subscription: name,
        restMs: halfOpenAfter,
      });
    });
    this.#circuits.set(id, circuit);
    return circuit;
  }
}

/** The subscription was removed meanwhile. @throws every other error */
function absent(error: unknown): [] {
  if (error instanceof NotFoundError) return [];
  throw error;
}

function reasonOf(error: unknown, ms: number): string {
  if (!(error instanceof Error)) return String(error);
  return error.name === 'AbortError' || error.name === 'TimeoutError'
    ? `the receiver did not answer within ${ms} ms`
    : error.message || error.name;
}

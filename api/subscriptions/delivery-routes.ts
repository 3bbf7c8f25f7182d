import * as z from 'zod';
import { DeliveryLostError } from '../../core/base/errors.ts';
import type { Catalogue } from '../../core/events/catalogue.ts';
import type { Settled } from '../../core/subscriptions/subscriptions.ts';
import { wholeNumber } from '../http/page.ts';
import { type Route, route } from '../http/route.ts';
import { keyed, type SubscriptionDeps, subscriptionsOf } from './subscription-parts.ts';
import { subscriptionParams } from './subscription-routes.ts';

/** Longest wait for a delivery, seconds: under API Gateway's 29 s for an answer. */
const MAX_WAIT_SECONDS = 20;
/** Most deliveries of a take, and most answers of a request. */
const MAX_DELIVERIES = 100;
/** Longest delay of a retry, seconds. */
const MAX_DELAY_SECONDS = 60 * 60;

const token = z.string().max(64).describe('The token of a delivery');
const tokens = z.array(token).min(1).max(MAX_DELIVERIES);

const settledAnswer = z.strictObject({
  settled: z.int().nonnegative().describe('Deliveries that this answer or an earlier one settled'),
  refused: z.array(z.string()).describe('Tokens of deliveries that are over'),
});

const tokenRules =
  'An answer counts until the event is delivered again, also after `until`. The last 64 answers of a shard may be repeated. 409 when every token is refused.';

/** @throws DeliveryLostError when nothing is settled */
function toAnswer({ settled, refused }: Settled) {
  if (settled.length === 0) throw new DeliveryLostError();
  return { status: 200 as const, body: { settled: settled.length, refused: [...refused] } };
}

/** The routes of consumers. */
export const deliveryRoutes = (catalogue: Catalogue): readonly Route<SubscriptionDeps>[] => [
  keyed(
    route({
      name: 'takeDeliveries',
      method: 'POST',
      path: '/subscriptions/{name}/take',
      summary: 'Take events of a subscription; each has to be acknowledged in time, else it is delivered again',
      description:
        'Any number of consumers may take. With order `stream` an event comes only after the earlier events of its stream are done, whoever has them. A delivery whose answer is lost is repeated after `ackWithinSeconds`.',
      params: subscriptionParams,
      query: z.object({
        max: wholeNumber(1, MAX_DELIVERIES).default(10).describe('Most deliveries'),
        wait: wholeNumber(0, MAX_WAIT_SECONDS)
          .default(0)
          .describe(`Seconds to wait for a delivery, ${MAX_WAIT_SECONDS} at most`),
      }),
      answer: z.strictObject({
        deliveries: z.array(
          z.strictObject({
            token,
            attempt: z.int().positive().describe('Counts the deliveries of the event, from 1'),
            until: z.iso.datetime().describe('The event is delivered again when it is not acknowledged by then'),
            event: catalogue.recordedEvent(),
          }),
        ),
      }),
      statuses: { 200: 'Deliveries; none when nothing can be delivered' },
      errors: ['NOT_FOUND', 'CORRUPT_DATA'],
      async handle({ params: { name }, query: { max, wait }, signal: gone }, deps: SubscriptionDeps) {
        const signal = deps.closing ? AbortSignal.any([deps.closing, gone]) : gone;
        const { subscriptions } = subscriptionsOf(deps);
        const deliveries = await subscriptions.take(name, { max, waitMs: wait * 1_000, signal });
        return { status: 200, body: { deliveries: [...deliveries] } };
      },
    }),
  ),
  keyed(
    route({
      name: 'ackDeliveries',
      method: 'POST',
      path: '/subscriptions/{name}/ack',
      summary: 'Say that events are done',
      description: tokenRules,
      params: subscriptionParams,
      body: z.strictObject({ tokens }),
      answer: settledAnswer,
      statuses: { 200: 'The events are not delivered again' },
      errors: ['NOT_FOUND', 'DELIVERY_LOST'],
      async handle({ params: { name }, body }, deps: SubscriptionDeps) {
        const answers = body.tokens.map((token) => ({ token, action: 'ack' as const }));
        return toAnswer(await subscriptionsOf(deps).subscriptions.settle(name, answers));
      },
    }),
  ),
  keyed(
    route({
      name: 'nackDeliveries',
      method: 'POST',
      path: '/subscriptions/{name}/nack',
      summary: 'Say that events are not done: retry them later, park them for an operator, or skip them',
      description: tokenRules,
      params: subscriptionParams,
      body: z.strictObject({
        tokens,
        action: z
          .enum(['retry', 'release', 'park', 'skip'])
          .describe(
            '`retry`: deliver again, after `maxRetries` park; `release`: it was not tried, deliver again and count no failure; `park`: wait for an operator, with the later events of the stream; `skip`: pass over',
          ),
        delaySeconds: z.number().min(0).max(MAX_DELAY_SECONDS).default(0).describe('The retry is not earlier'),
        reason: z.string().min(1).max(1024).optional().describe('Shown with a parked event'),
      }),
      answer: settledAnswer,
      statuses: { 200: 'The deliveries are over' },
      errors: ['NOT_FOUND', 'DELIVERY_LOST'],
      async handle({ params: { name }, body: { tokens, action, delaySeconds, reason } }, deps: SubscriptionDeps) {
        const delayMs = Math.round(delaySeconds * 1_000);
        const answers = tokens.map((token) => ({ token, action, delayMs, reason }));
        return toAnswer(await subscriptionsOf(deps).subscriptions.settle(name, answers));
      },
    }),
  ),
];

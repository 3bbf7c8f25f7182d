import * as z from 'zod';
import { parkedId } from '../../core/events/subscription.ts';
import { appendOptions } from '../http/command.ts';
import { cursor, encodeCursor, wholeNumber } from '../http/page.ts';
import { route } from '../http/route.ts';
import { keyed, type SubscriptionDeps, subscriptionsOf } from './subscription-parts.ts';
import { subscriptionParams } from './subscription-routes.ts';

/** Most parked streams of a page, and of a redrive. */
const MAX_PARKED = 100;

const parkedAnswer = z
  .strictObject({
    id: parkedId.describe('The stream; with order `none` the stream and the number of the event'),
    stream: z.string(),
    sequenceNumber: z.int().positive().describe('The event that is parked; the later events of its stream wait'),
    error: z.string(),
    failures: z.int().nonnegative().describe('Deliveries that failed'),
    since: z.iso.datetime(),
  })
  .meta({ id: 'ParkedEvent' });

/** The routes of parked events. */
export const parkedRoutes = [
  route({
    name: 'listParked',
    method: 'GET',
    path: '/subscriptions/{name}/parked',
    summary: 'Events of a subscription that wait for an operator',
    params: subscriptionParams,
    query: z.object({
      limit: wholeNumber(1, MAX_PARKED).default(MAX_PARKED).describe('Most items of the page'),
      cursor: cursor(z.object({ after: parkedId })),
    }),
    answer: z.strictObject({ parked: z.array(parkedAnswer), next: z.string().nullable() }),
    statuses: { 200: 'A page of parked events; on AWS it may be a moment behind' },
    errors: ['NOT_FOUND'],
    async handle({ params: { name }, query: { limit, cursor } }, deps: SubscriptionDeps) {
      const { operations } = subscriptionsOf(deps);
      const { parked, next } = await operations.parked(name, { limit, after: cursor?.after });
      return { status: 200, body: { parked, next: next === undefined ? null : encodeCursor({ after: next }) } };
    },
  }),
  keyed(
    route({
      name: 'redriveParked',
      method: 'POST',
      path: '/subscriptions/{name}/redrive',
      summary: 'Let parked events be delivered again, each stream in order from its parked event on',
      params: subscriptionParams,
      body: z.strictObject({
        parked: z
          .array(parkedId)
          .min(1)
          .max(MAX_PARKED)
          .optional()
          .describe(`Ids of the list; the first ${MAX_PARKED} when absent`),
      }),
      answer: z.strictObject({
        redriven: z.array(parkedId).describe('The ids that were parked'),
        more: z.boolean().describe('Whether others are parked'),
      }),
      statuses: { 200: 'They are delivered again, with all retries' },
      errors: ['NOT_FOUND', 'CONCURRENCY_CONFLICT'],
      async handle({ params: { name }, body, context }, deps: SubscriptionDeps) {
        const { operations } = subscriptionsOf(deps);
        const first = body.parked ? undefined : await operations.parked(name, { limit: MAX_PARKED });
        const ids = body.parked ?? first?.parked.map(({ id }) => id) ?? [];
        const redriven = await operations.redrive(name, ids, appendOptions(context, deps));
        return { status: 200, body: { redriven: [...redriven], more: first?.next !== undefined } };
      },
    }),
  ),
  keyed(
    route({
      name: 'skipParked',
      method: 'POST',
      path: '/subscriptions/{name}/skip',
      summary: 'Give up a parked event, and deliver the later events of its stream',
      params: subscriptionParams,
      body: z.strictObject({
        parked: parkedId.describe('An id of the list'),
        sequenceNumber: z.int().positive().describe('The event to give up, as the list shows it'),
        reason: z.string().min(1).max(1024),
      }),
      answer: z.strictObject({ skipped: z.literal(true) }),
      statuses: { 200: 'The event is not delivered again' },
      errors: ['NOT_FOUND', 'COMMAND_REJECTED', 'CONCURRENCY_CONFLICT'],
      async handle({ params: { name }, body: { parked: id, ...skip }, context }, deps: SubscriptionDeps) {
        await subscriptionsOf(deps).operations.skip(name, { id, ...skip }, appendOptions(context, deps));
        return { status: 200, body: { skipped: true as const } };
      },
    }),
  ),
];

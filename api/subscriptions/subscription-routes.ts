import * as z from 'zod';
import { subscriptionList } from '../../application/subscription-list.ts';
import { ValidationError } from '../../core/base/errors.ts';
import { pushTarget, shardCount, subscriptionName, subscriptionSettings } from '../../core/events/subscription.ts';
import { assertKnownTypes } from '../../core/store/registered-types.ts';
import type { SubscriptionStatus } from '../../core/subscriptions/operations.ts';
import { isSecret } from '../../core/subscriptions/signature.ts';
import { appendOptions } from '../http/command.ts';
import { limit } from '../http/page.ts';
import { route } from '../http/route.ts';
import { listCursor, listViews } from '../views/lists.ts';
import { keyed, type SubscriptionDeps, subscriptionsOf } from './subscription-parts.ts';

/** The name of a subscription in a path. */
export const subscriptionParams = z.object({ name: subscriptionName });

const { filter, order, maxRetries, ackWithinSeconds } = subscriptionSettings.shape;

const secret = z
  .string()
  .max(128)
  .refine(isSecret, 'must be whsec_ and 24 to 64 bytes in base64')
  .meta({ format: 'password' });

const place = z
  .string()
  .min(1)
  .max(2048)
  .describe('`start`, `end`, an instant (events recorded at or after it), or a position of the log');

const listed = subscriptionSettings
  .extend({ name: subscriptionName, shards: shardCount })
  .meta({ id: 'ListedSubscription' });

/** A subscription with its present state. */
const subscriptionAnswer = listed
  .extend({
    position: z
      .string()
      .nullable()
      .describe('The log is read up to here by the shard that is furthest behind; null at the beginning'),
    lag: z
      .strictObject({
        events: z.int().nonnegative(),
        more: z.boolean().describe('Whether these are only the next events'),
      })
      .describe('Events of the filter that are not read yet'),
    inFlight: z.int().nonnegative().describe('Deliveries that are not answered yet'),
    waiting: z.int().nonnegative().describe('Streams whose events are read and wait for a delivery or a retry'),
    paused: z.string().optional().describe('Why nothing is pushed until the next PUT of the settings'),
    secret: z
      .string()
      .optional()
      .describe('The secret of a push whose PUT named none: only the answer of that PUT shows it'),
    parked: z.int().nonnegative().describe('Parked streams; parked events with order `none`'),
  })
  .meta({ id: 'Subscription' });

const toAnswer = ({ definition, position, ...counts }: SubscriptionStatus) => {
  const { name, filter, order, maxRetries, ackWithinSeconds, shards, push, paused } = definition;
  const pushing = { ...(push && { push }), ...(paused !== undefined && { paused }) };
  return {
    name,
    filter,
    order,
    maxRetries,
    ackWithinSeconds,
    shards,
    ...pushing,
    position: position ?? null,
    ...counts,
  };
};

/** The routes that define subscriptions, and show them. */
export const subscriptionRoutes = [
  route({
    name: 'putSubscription',
    method: 'PUT',
    path: '/subscriptions/{name}',
    summary: 'Create a subscription, or change its settings',
    description:
      'A change loses nothing: events that are recorded after the answer are judged by the new filter, and events that were read before are still delivered. `order` and `shards` cannot change, and `from` counts at the creation only.',
    params: subscriptionParams,
    body: z.strictObject({
      filter: filter.default({}),
      from: place.default('start'),
      order: order.default('stream'),
      maxRetries: maxRetries.default(10),
      ackWithinSeconds: ackWithinSeconds.default(30),
      push: pushTarget
        .extend({ secret: secret.optional().describe('Signs; without it the present secret stays, or one is made') })
        .optional(),
      shards: shardCount
        .optional()
        .describe('Items that keep what is delivered, 4 by default; on AWS about one for each busy consumer'),
    }),
    answer: subscriptionAnswer,
    statuses: { 201: 'A new subscription', 200: 'It has these settings' },
    errors: ['COMMAND_REJECTED', 'CONCURRENCY_CONFLICT'],
    async handle({ params: { name }, body, context }, deps: SubscriptionDeps) {
      if (body.push && !deps.pushes) {
        throw new ValidationError([{ path: 'push', message: 'this host does not push events; take them instead' }]);
      }
      await assertKnownTypes(deps.store, body.filter.types ?? [], 'filter.types');
      const { operations } = subscriptionsOf(deps);
      const { defaults, trace } = appendOptions(context, deps);
      const { isNew, secret } = await operations.put(name, body, { defaults, trace });
      const shown = { ...toAnswer(await operations.status(name)), ...(secret !== undefined && { secret }) };
      return { status: isNew ? 201 : 200, body: shown };
    },
  }),
  route({
    name: 'listSubscriptions',
    method: 'GET',
    path: '/subscriptions',
    summary: 'Subscriptions by name, without their present state',
    query: z.object({ limit, cursor: listCursor(subscriptionList.group.values) }),
    answer: z.strictObject({ subscriptions: z.array(listed), next: z.string().nullable() }),
    statuses: { 200: 'A page of subscriptions; a moment behind' },
    async handle({ query }, deps: SubscriptionDeps) {
      const { views, next } = await listViews(subscriptionList, deps, { ...query, filters: { state: 'active' } });
      return { status: 200, body: { subscriptions: views.map(({ state: _, version: __, ...view }) => view), next } };
    },
  }),
  route({
    name: 'getSubscription',
    method: 'GET',
    path: '/subscriptions/{name}',
    summary: 'A subscription with its position, its lag, and what is in flight, waits or is parked',
    params: subscriptionParams,
    answer: subscriptionAnswer,
    statuses: { 200: 'The subscription' },
    errors: ['NOT_FOUND', 'CORRUPT_DATA'],
    async handle({ params: { name } }, deps: SubscriptionDeps) {
      return { status: 200, body: toAnswer(await subscriptionsOf(deps).operations.status(name)) };
    },
  }),
  keyed(
    route({
      name: 'seekSubscription',
      method: 'POST',
      path: '/subscriptions/{name}/seek',
      summary: 'Move a subscription to another place in the log',
      description:
        'Nothing is dropped: what is in flight, waits or is parked is delivered besides the events from the place on; the answer counts it. A place before the position delivers events again, a place after it leaves events out.',
      params: subscriptionParams,
      body: z.strictObject({ to: place }),
      answer: subscriptionAnswer,
      statuses: { 200: 'It reads on from there' },
      errors: ['NOT_FOUND', 'CONCURRENCY_CONFLICT'],
      async handle({ params: { name }, body: { to }, context }, deps: SubscriptionDeps) {
        const status = await subscriptionsOf(deps).operations.seek(name, to, appendOptions(context, deps));
        return { status: 200, body: toAnswer(status) };
      },
    }),
  ),
  keyed(
    route({
      name: 'removeSubscription',
      method: 'POST',
      path: '/subscriptions/{name}/remove',
      summary: 'End a subscription; what is in flight can no longer be acknowledged',
      params: subscriptionParams,
      answer: z.strictObject({ removed: z.literal(true) }),
      statuses: { 200: 'It is gone; a subscription of the same name begins anew' },
      errors: ['NOT_FOUND', 'CONCURRENCY_CONFLICT'],
      async handle({ params: { name }, context }, deps: SubscriptionDeps) {
        await subscriptionsOf(deps).operations.remove(name, appendOptions(context, deps));
        return { status: 200, body: { removed: true as const } };
      },
    }),
  ),
];

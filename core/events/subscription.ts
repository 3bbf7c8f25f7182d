import * as z from 'zod';
import { defineEvent } from './define.ts';
import { id } from './envelope.ts';
import { aggregateTypeName } from './event-type.ts';
import { instant } from './instant.ts';

/** The aggregate type of the streams of subscriptions: `subscription-billing`. */
export const SUBSCRIPTION_STREAMS = 'subscription';

/** Most types of a filter. */
const MAX_TYPES = 100;
/** Longest time to acknowledge a delivery, seconds. */
const MAX_ACK_SECONDS = 12 * 60 * 60;
/** Most shards of a subscription. */
const MAX_SHARDS = 16;

/** The name of a subscription. */
export const subscriptionName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,62}$/, 'must be 1 to 63 lower-case letters, digits and -, a letter first');

/** The events of a subscription. Every member is optional. */
export const subscriptionFilter = z
  .strictObject({
    types: z.array(z.string().max(128)).min(1).max(MAX_TYPES).exactOptional(),
    aggregateType: aggregateTypeName.exactOptional(),
    aggregateId: id.exactOptional(),
    correlationId: id.exactOptional(),
  })
  .describe('The events of the subscription; all, save those of subscriptions, when empty');

/** The place to which events are pushed. Its secret is no part of the history. */
export const pushTarget = z
  .strictObject({
    url: z
      .url({ protocol: /^https?$/ })
      .max(2048)
      .describe('Gets each event by POST, signed after Standard Webhooks'),
  })
  .describe('The server takes the events, and sends them there');

/** The place to which events are pushed; see {@link pushTarget}. */
export type PushTarget = z.output<typeof pushTarget>;

/** The settings of a subscription that can be changed. */
export const subscriptionSettings = z.strictObject({
  filter: subscriptionFilter,
  order: z
    .enum(['stream', 'none'])
    .describe('`stream`: an event waits until the earlier events of its stream are done; `none`: no event waits'),
  maxRetries: z.int().min(0).max(100).describe('Deliveries after the first; after the last the event is parked'),
  ackWithinSeconds: z.int().min(1).max(MAX_ACK_SECONDS).describe('Time to acknowledge a delivery; it is then repeated'),
  push: pushTarget.exactOptional(),
});
/** The settings of a subscription; see {@link subscriptionSettings}. */
export type SubscriptionSettings = z.output<typeof subscriptionSettings>;

/** The number of items that keep what is delivered. A stream always belongs to the same item. */
export const shardCount = z.int().min(1).max(MAX_SHARDS);

/** A place in the log: after a position, or from an instant on; the beginning when both are absent. */
export const startPlace = z.strictObject({
  after: z.string().exactOptional().describe('Events after this position'),
  from: instant.exactOptional().describe('Events recorded at or after this instant'),
});
/** A place in the log; see {@link startPlace}. */
export type StartPlace = z.output<typeof startPlace>;

const reason = z.string().min(1).max(1024);
/** The id of a parked event or stream within its subscription. */
export const parkedId = z.string().min(1).max(192);

const common = { kind: 'domain', access: 'internal', version: 1, aggregateType: SUBSCRIPTION_STREAMS } as const;

export const subscriptionCreated = defineEvent({
  ...common,
  type: 'subscription.created',
  description: 'A subscription began. It delivers the events of its filter from a place in the log on.',
  data: z.strictObject({
    name: subscriptionName,
    ...subscriptionSettings.shape,
    shards: shardCount,
    start: startPlace,
  }),
  streamIds: ['name'],
  sensitive: [],
});

export const subscriptionChanged = defineEvent({
  ...common,
  type: 'subscription.changed',
  description: 'A subscription got other settings. They count for events that it has not read yet.',
  data: z.strictObject({ name: subscriptionName, ...subscriptionSettings.shape }),
  streamIds: ['name'],
  sensitive: [],
});

export const subscriptionSought = defineEvent({
  ...common,
  type: 'subscription.sought',
  description: 'An operator moved a subscription to another place in the log.',
  data: z.strictObject({ name: subscriptionName, start: startPlace }),
  streamIds: ['name'],
  sensitive: [],
});

export const subscriptionRedriven = defineEvent({
  ...common,
  type: 'subscription.redriven',
  description: 'An operator let parked events be delivered again.',
  data: z.strictObject({ name: subscriptionName, parked: z.array(parkedId).min(1).max(100) }),
  streamIds: ['name'],
  sensitive: [],
});

export const subscriptionSkipped = defineEvent({
  ...common,
  type: 'subscription.skipped',
  description: 'An operator gave up a parked event. The later events of its stream are delivered.',
  data: z.strictObject({
    name: subscriptionName,
    parked: parkedId,
    sequenceNumber: z.int().positive().describe('The event that is not delivered again'),
    reason,
  }),
  streamIds: ['name'],
  sensitive: ['reason'],
});

export const subscriptionPaused = defineEvent({
  ...common,
  type: 'subscription.paused',
  description: 'The receiver of a push refused all further events. The next PUT of the settings ends the pause.',
  data: z.strictObject({ name: subscriptionName, reason }),
  streamIds: ['name'],
  sensitive: ['reason'],
});

export const subscriptionRemoved = defineEvent({
  ...common,
  type: 'subscription.removed',
  description: 'A subscription ended. Its deliveries and its parked events are forgotten.',
  data: z.strictObject({ name: subscriptionName }),
  streamIds: ['name'],
  sensitive: [],
});

/** The events of subscriptions. */
export const subscriptionEvents = [
  subscriptionCreated,
  subscriptionChanged,
  subscriptionSought,
  subscriptionRedriven,
  subscriptionSkipped,
  subscriptionPaused,
  subscriptionRemoved,
] as const;

import type { DomainEvent } from '../core/events/catalogue.ts';
import { SUBSCRIPTION_STREAMS, type SubscriptionSettings } from '../core/events/subscription.ts';
import { defineProjection } from '../core/projections/projection.ts';

const types = ['subscription.created', 'subscription.changed', 'subscription.removed'] as const;

/** A subscription in a list. */
export interface SubscriptionView extends SubscriptionSettings {
  readonly name: string;
  readonly shards: number;
  readonly state: 'active' | 'removed';
}

/** The projection of all subscriptions; every application has it. */
export const subscriptionList = defineProjection({
  name: 'subscriptions',
  aggregateType: SUBSCRIPTION_STREAMS,
  types,
  group: { of: ({ state }: SubscriptionView) => state, values: ['active', 'removed'] },
  evolve(view: SubscriptionView | undefined, event: DomainEvent<(typeof types)[number]>): SubscriptionView {
    if (event.type === 'subscription.created') {
      const { start: _, ...settings } = event.data;
      return { ...settings, state: 'active' };
    }
    if (!view) throw new Error(`${event.type} in a stream that begins without subscription.created`);
    if (event.type === 'subscription.removed') return { ...view, state: 'removed' };
    const { push: _, ...kept } = view;
    return { ...kept, ...event.data };
  },
});

import { isDeepStrictEqual } from 'node:util';
import { CommandRejectedError, NotFoundError } from '../base/errors.ts';
import type { EventData } from '../events/catalogue.ts';
import { type StartPlace, SUBSCRIPTION_STREAMS, type SubscriptionSettings } from '../events/subscription.ts';
import type { Decider } from '../state/decider.ts';

/** The events of subscriptions. */
type SubscriptionEvent =
  | 'subscription.created'
  | 'subscription.changed'
  | 'subscription.sought'
  | 'subscription.redriven'
  | 'subscription.skipped'
  | 'subscription.paused'
  | 'subscription.removed';

/** A filter, and the number of the event in the subscription's stream from which on it counts. */
export interface FilterSince {
  readonly since: number;
  readonly filter: SubscriptionSettings['filter'];
}

/** A subscription as its events define it. */
export interface Definition extends SubscriptionSettings {
  readonly name: string;
  readonly shards: number;
  /** Number of the event that created it: a subscription of the same name after a removal has another. */
  readonly created: number;
  /** Number of the last event that changed it or moved its place. */
  readonly revision: number;
  readonly start: StartPlace;
  /** Why nothing is pushed until the next PUT. */
  readonly paused?: string;
  /** Number of the event that set {@link start}. */
  readonly startedAt: number;
  /** All filters, the oldest first: events that were read under a filter are delivered under it. */
  readonly filters: readonly FilterSince[];
}

/** The state of a subscription's stream. */
export interface SubscriptionState {
  /** Number of events. */
  readonly events: number;
  /** Undefined before the creation and after the removal. */
  readonly definition: Definition | undefined;
}

/** A command to a subscription. */
export type SubscriptionCommand =
  | {
      readonly kind: 'put';
      readonly settings: SubscriptionSettings;
      readonly shards: number | undefined;
      readonly start: StartPlace;
    }
  | { readonly kind: 'seek'; readonly start: StartPlace }
  | ({ readonly kind: 'redrive' } & Pick<EventData<'subscription.redriven'>, 'parked'>)
  | ({ readonly kind: 'skip' } & Omit<EventData<'subscription.skipped'>, 'name'>)
  | { readonly kind: 'pause'; readonly reason: string }
  | { readonly kind: 'remove' };

/** Shards of a subscription that names no number. */
const DEFAULT_SHARDS = 4;

/** The decider of subscriptions. */
export const subscription: Decider<SubscriptionState, SubscriptionCommand, SubscriptionEvent> = {
  aggregateType: SUBSCRIPTION_STREAMS,
  initialState: { events: 0, definition: undefined },
  decide({ definition }, command, { id: name }) {
    if (command.kind === 'put') return put(definition, name, command);
    if (!definition) throw noSubscription(name);
    switch (command.kind) {
      case 'seek':
        return [{ type: 'subscription.sought', data: { name, start: command.start } }];
      case 'redrive':
        return [{ type: 'subscription.redriven', data: { name, parked: command.parked } }];
      case 'skip': {
        const { kind: _, ...skipped } = command;
        return [{ type: 'subscription.skipped', data: { name, ...skipped } }];
      }
      case 'pause':
        if (definition.paused !== undefined) return [];
        return [{ type: 'subscription.paused', data: { name, reason: command.reason } }];
      case 'remove':
        return [{ type: 'subscription.removed', data: { name } }];
    }
  },
  evolve(state, event) {
    const number = state.events + 1;
    const { definition } = state;
    switch (event.type) {
      case 'subscription.created': {
        const filters = [{ since: number, filter: event.data.filter }];
        const created = { created: number, revision: number, startedAt: number, filters };
        return { events: number, definition: { ...event.data, ...created } };
      }
      case 'subscription.changed': {
        if (!definition) break;
        const filters = [...definition.filters, { since: number, filter: event.data.filter }];
        const { push: _, paused: __, ...kept } = definition;
        return { events: number, definition: { ...kept, ...event.data, revision: number, filters } };
      }
      case 'subscription.sought': {
        if (!definition) break;
        const moved = { start: event.data.start, startedAt: number, revision: number };
        return { events: number, definition: { ...definition, ...moved } };
      }
      case 'subscription.paused':
        return { events: number, definition: definition && { ...definition, paused: event.data.reason } };
      case 'subscription.removed':
        return { events: number, definition: undefined };
    }
    return { events: number, definition };
  },
};

/** The error for a name without a subscription. */
export const noSubscription = (name: string): NotFoundError =>
  new NotFoundError(`there is no subscription ${name}; PUT /subscriptions/${name} creates it`);

function put(
  definition: Definition | undefined,
  name: string,
  { settings, shards, start }: Extract<SubscriptionCommand, { kind: 'put' }>,
) {
  if (!definition) {
    const data = { name, ...settings, shards: shards ?? DEFAULT_SHARDS, start };
    return [{ type: 'subscription.created' as const, data }];
  }
  if (shards !== undefined && shards !== definition.shards) {
    throw new CommandRejectedError(
      `subscription ${name} has ${definition.shards} shards, which cannot change; create a subscription of another name`,
    );
  }
  const { filter, order, maxRetries, ackWithinSeconds, push, paused } = definition;
  if (order !== settings.order) {
    throw new CommandRejectedError(
      `the order of subscription ${name} is ${order}, which cannot change; create a subscription of another name`,
    );
  }
  const present = { filter, order, maxRetries, ackWithinSeconds, ...(push && { push }) };
  if (paused === undefined && isDeepStrictEqual(present, settings)) return [];
  return [{ type: 'subscription.changed' as const, data: { name, ...settings } }];
}

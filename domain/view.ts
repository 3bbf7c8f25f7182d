import { addAmount } from '../core/events/amount.ts';
import type { DomainEvent } from '../core/events/catalogue.ts';

/** When a view's subject was first and last heard of, by the events' own time. */
export interface Times {
  readonly createdAt: string;
  readonly lastUpdated: string;
}

export const firstSeen = (event: DomainEvent): Times => ({ createdAt: event.timestamp, lastUpdated: event.timestamp });

/** Imported events may be out of order in time, so first and last are the least and the greatest seen. */
export function seen(times: Times, { timestamp }: DomainEvent): Times {
  return {
    createdAt: isEarlier(timestamp, times.createdAt) ? timestamp : times.createdAt,
    lastUpdated: isEarlier(times.lastUpdated, timestamp) ? timestamp : times.lastUpdated,
  };
}

const isEarlier = (a: string, b: string): boolean => Date.parse(a) < Date.parse(b);

/** Most resources a view keeps a sum for; further names add up under `other`. */
const MAX_RESOURCES = 64;

/** Adds what one step used to the sums so far, per name. */
export function addUsage(
  sums: Readonly<Record<string, number>>,
  used: Readonly<Record<string, number>>,
): Record<string, number> {
  const total = new Map(Object.entries(sums));
  for (const [resource, amount] of Object.entries(used)) {
    const name = total.has(resource) || total.size < MAX_RESOURCES ? resource : 'other';
    total.set(name, addAmount(total.get(name) ?? 0, amount));
  }
  return Object.fromEntries(total);
}

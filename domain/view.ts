import { addAmount } from '../core/events/amount.ts';
import type { DomainEvent } from '../core/events/catalogue.ts';

/** The times of the first and the last event of a view, by `timestamp`. */
export interface Times {
  readonly createdAt: string;
  readonly lastUpdated: string;
}

export const firstSeen = (event: DomainEvent): Times => ({ createdAt: event.timestamp, lastUpdated: event.timestamp });

/** Imported events may be out of order, so these are the earliest and the latest time. */
export function seen(times: Times, { timestamp }: DomainEvent): Times {
  return {
    createdAt: isEarlier(timestamp, times.createdAt) ? timestamp : times.createdAt,
    lastUpdated: isEarlier(times.lastUpdated, timestamp) ? timestamp : times.lastUpdated,
  };
}

const isEarlier = (a: string, b: string): boolean => Date.parse(a) < Date.parse(b);

/** Most resources with a sum in a view. Further names are summed as `other`. */
const MAX_RESOURCES = 64;

/** Adds the usage of a step to the sums, by name. */
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

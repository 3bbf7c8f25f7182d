import type { DomainEvent } from '../events/catalogue.ts';
import { storedInstant } from '../events/stored-form.ts';

/** The times of the first and the last event of a view, by `timestamp`. */
export interface Times {
  readonly createdAt: string;
  readonly lastUpdated: string;
}

/** The times of a view after its first event. */
export const firstSeen = (event: DomainEvent): Times => ({ createdAt: event.timestamp, lastUpdated: event.timestamp });

/** The times of a view after a further event. Imported events may be out of order, so these are the earliest and the latest time. */
export function seen(times: Times, { timestamp }: DomainEvent): Times {
  return {
    createdAt: isEarlier(timestamp, times.createdAt) ? timestamp : times.createdAt,
    lastUpdated: isEarlier(times.lastUpdated, timestamp) ? timestamp : times.lastUpdated,
  };
}

const isEarlier = (a: string, b: string): boolean => Date.parse(a) < Date.parse(b);

/** The schemas of {@link Times}, for a view that has them. */
export const timesSchema = { createdAt: storedInstant, lastUpdated: storedInstant };

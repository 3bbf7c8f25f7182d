import { instant } from '../core/events/instant.ts';

const WITHOUT_ZONE = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?$/;

/** A time of a source in ISO 8601 and UTC; undefined when it is none. A time without a zone is taken as UTC. */
export function utcOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const zoned = text.trim().replace(' ', 'T');
  const parsed = instant.safeParse(WITHOUT_ZONE.test(zoned) ? `${zoned}Z` : zoned);
  return parsed.success ? new Date(parsed.data).toISOString() : undefined;
}

/** Seconds since 1970 as ISO 8601; undefined when that is no time. */
export function utcOfSeconds(seconds: number | undefined | null): string | undefined {
  if (typeof seconds !== 'number' || !(seconds > 0) || seconds > 4e9) return undefined;
  return new Date(Math.floor(seconds * 1_000)).toISOString();
}

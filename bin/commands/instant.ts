import { InvalidArgumentError } from 'commander';
import { instant } from '../../core/events/instant.ts';

/**
 * Parses a time on the command line: ISO 8601 with `Z` or an offset. Without an offset, a time would mean another instant in
 * each time zone.
 * @throws InvalidArgumentError
 */
export function parseInstant(value: string): string {
  const parsed = instant.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError('Give a time with Z or an offset, such as 2026-01-05T09:00:00Z.');
}

import ms from 'ms';

/** A time such as `30s`, `15m`, `24h` or `7d`. */
export type Within = `${number}${'s' | 'm' | 'h' | 'd'}`;

/** A state machine runs a year at most. */
const MAX_SECONDS = 364 * 24 * 3_600;

/**
 * A time in seconds.
 * @throws Error when the text is no time, or the time is not from a second to 364 days
 */
export function secondsOf(within: Within): number {
  const seconds = Number(ms(within)) / 1_000;
  if (seconds >= 1 && seconds <= MAX_SECONDS) return Math.ceil(seconds);
  throw new Error(`${within} is no time from 1s to 364d, such as 30s, 15m, 24h or 7d`);
}

import { Cron } from 'croner';
import { ValidationError } from '../base/errors.ts';

/** Most runs that are counted; see {@link runsBetween}. */
const MAX_COUNTED = 1_000;

/** A cron expression of five fields, and the zone of its fields. */
export interface CronTiming {
  readonly cron: string;
  readonly zone: string;
}

/**
 * The first instant after another, ISO 8601; undefined when there is none. A local time that a change of clocks leaves
 * out is due right after the gap. A local time that comes twice is due the first time, unless hour and minute are
 * wildcards or steps: then both are due.
 * @throws ValidationError for a wrong expression or an unknown zone
 */
export function nextRun(timing: CronTiming, after: string): string | undefined {
  return parsed(timing).nextRun(new Date(after))?.toISOString();
}

/** The number of instants after `from`, up to `to`: at most {@link MAX_COUNTED}, so that a long outage costs little. */
export function runsBetween(timing: CronTiming, from: string, to: string): number {
  const cron = parsed(timing);
  const end = new Date(to);
  let count = 0;
  for (let at = cron.nextRun(new Date(from)); at && at <= end && count < MAX_COUNTED; at = cron.nextRun(at)) count += 1;
  return count;
}

function parsed({ cron, zone }: CronTiming): Cron {
  assertZone(zone);
  try {
    return new Cron(cron, { timezone: zone, mode: '5-part', paused: true });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.replace(/^CronPattern: /, '') : String(cause);
    throw new ValidationError([{ path: 'cron', message: `is no cron expression of five fields: ${why}` }], { cause });
  }
}

function assertZone(zone: string): void {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
  } catch (cause) {
    throw new ValidationError([{ path: 'zone', message: 'is no time zone, such as Europe/Berlin or UTC' }], { cause });
  }
}

import type { EventLog } from '../../core/log/log.ts';

/** The position of the end of a log. Its first 12 digits, hexadecimal, are the number of events in it. */
export async function endOf(log: EventLog): Promise<string> {
  return (await log.getEventsAfter(undefined, { from: '9999-12-31T00:00:00.000Z' })).next;
}

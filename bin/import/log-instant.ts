import { instant } from '../../core/events/instant.ts';

/** A time of a log. Logs have microseconds, Annals keeps milliseconds. */
export interface LogInstant {
  /** ISO 8601, UTC, milliseconds. */
  readonly iso: string;
  /** The digits of the fraction after the milliseconds, which keep the order of the log; may be empty. */
  readonly rest: string;
}

const FORM = /^(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}:\d{2})(?:[.,](\d+))? ?(?:(Z)|([+-]\d{2}):?(\d{2})?)?$/i;

/**
 * Parses a time of a log: ISO 8601, also with a blank in the place of the T, as Python and pandas write it.
 * @param assumeUtc whether a time without an offset is UTC, else a fault
 */
export function parseLogInstant(text: string, assumeUtc: boolean): LogInstant | { readonly fault: string } {
  const [matched, date, time, fraction = '', zulu, hours, minutes = '00'] = FORM.exec(text) ?? [];
  if (matched !== undefined && !zulu && !hours && !assumeUtc) {
    return { fault: `${quote(text)} has no offset from UTC; --utc takes such times as UTC` };
  }
  const offset = hours ? `${hours}:${minutes}` : 'Z';
  // The schema refuses days and offsets that do not exist.
  const parsed = instant.safeParse(`${date}T${time}.${fraction.slice(0, 3).padEnd(3, '0')}${offset}`);
  if (!parsed.success) return { fault: `${quote(text)} is no time such as 2011-10-11T13:45:40.276+02:00` };
  return { iso: new Date(parsed.data).toISOString(), rest: fraction.slice(3).replace(/0+$/, '') };
}

/** Sorts earlier times first. */
export function compareInstants(a: LogInstant, b: LogInstant): number {
  return order(a.iso, b.iso) || order(a.rest, b.rest);
}

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const quote = (text: string): string => JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);

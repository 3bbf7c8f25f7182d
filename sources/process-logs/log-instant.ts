import { instant } from '../../core/events/instant.ts';

/** A time of a log. Logs have microseconds, Annals keeps milliseconds. */
export interface LogInstant {
  /** ISO 8601, UTC, milliseconds. */
  readonly iso: string;
  /** The digits of the fraction after the milliseconds, which keep the order of the log; may be empty. */
  readonly rest: string;
  /** The log gives no offset, so the time is taken as UTC. */
  readonly isAssumed: boolean;
}

const FORM =
  /^(\d{4})[-/](\d{2})[-/](\d{2})(?:[ T](\d{2}:\d{2})(?::(\d{2})(?:[.,](\d+))?)?)? ?(?:(Z|UTC)|([+-]\d{2}):?(\d{2})?)?$/i;

/** Parses a time of a log: ISO 8601, also with a blank in the place of the T, as Python and pandas write it. */
export function parseLogInstant(text: string): LogInstant | { readonly fault: string } {
  const [, year, month, day, time = '00:00', seconds = '00', fraction = '', zulu, hours, minutes = '00'] =
    FORM.exec(text.trim()) ?? [];
  const offset = hours ? `${hours}:${minutes}` : 'Z';
  const milliseconds = fraction.slice(0, 3).padEnd(3, '0');
  // The schema refuses days and offsets that do not exist.
  const parsed = instant.safeParse(`${year}-${month}-${day}T${time}:${seconds}.${milliseconds}${offset}`);
  if (!parsed.success) return { fault: `${quote(text)} is no time such as 2011-10-11T13:45:40.276+02:00` };
  return {
    iso: new Date(parsed.data).toISOString(),
    rest: fraction.slice(3).replace(/0+$/, ''),
    isAssumed: !zulu && !hours,
  };
}

const quote = (text: string): string => JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);

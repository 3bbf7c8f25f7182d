import * as z from 'zod';
import { storedForms } from './stored-form.ts';

const FIRST = Date.parse('0001-01-01T00:00:00.000Z');
const LAST = Date.parse('9999-12-31T23:59:59.999Z');

const FORM =
  'must be a time such as 2026-01-31T09:30:00.250Z or 2026-01-31T10:30:00+01:00, in UTC within the years 0001 to 9999';

/**
 * An instant in ISO 8601, with `Z` or an offset, in the years 0001 to 9999 of UTC after the offset is applied, so that
 * the year has four digits. `T` and `Z` are capitals; a day ends at 23:59:59.999..., so 24:00 and leap seconds are
 * refused; `-00:00` is UTC. Any number of decimals is accepted. Annals keeps milliseconds: it cuts the time of an
 * event, and rounds a range inwards ({@link firstMoment}, {@link lastMoment}).
 */
export const instant = z.iso.datetime({ offset: true, error: FORM }).refine(isWithinYears, FORM);

instant.register(storedForms, { form: 'instant' });

function isWithinYears(text: string): boolean {
  const time = Date.parse(text);
  return time >= FIRST && time <= LAST;
}

/** Whether a fraction of a second has digits after its milliseconds. */
const FINER = /\.\d{3}\d*[1-9]/;

/** The first millisecond at or after an instant: the start of a range. Milliseconds since 1970. */
export const firstMoment = (from: string): number => Date.parse(from) + (FINER.test(from) ? 1 : 0);

/** The last millisecond at or before an instant: the end of a range. Milliseconds since 1970. */
export const lastMoment = (to: string): number => Date.parse(to);

/** Milliseconds since 1970 in the stored form of instants, at most the last moment of the year 9999. */
export const isoOf = (moment: number): string => new Date(Math.min(Math.max(moment, FIRST), LAST)).toISOString();

import { ValidationError } from '../base/errors.ts';

/** The next event to read of a partition: which page, and how many of its events come before. */
export interface LogPlace {
  readonly page: number;
  readonly offset: number;
}

/** How far a reader has come: the next place in each partition, and the number of events before them all. */
export interface Cursor {
  readonly total: number;
  /** A partition that is not named here is at its beginning. */
  readonly places: ReadonlyMap<string, LogPlace>;
}

export const BEGINNING: Cursor = { total: 0, places: new Map() };
export const START: LogPlace = { page: 1, offset: 0 };

const POSITION = /^([0-9a-f]{12})((?:\.[a-z][a-z0-9]{0,31}_[1-9]\d{0,11}_\d{1,7})*)$/;

/**
 * A cursor as text: opaque to callers, safe in URLs, durable. Along the way of one reader positions grow, compared as
 * strings, for they begin with the number of events that came before.
 */
export function formatPosition({ total, places }: Cursor): string {
  const parts = [...places].map(([partition, { page, offset }]) => `.${partition}_${page}_${offset}`);
  return total.toString(16).padStart(12, '0') + parts.toSorted().join('');
}

/** @throws ValidationError when `position` is none that this log gave out */
export function parsePosition(position: string): Cursor {
  const [, total, parts] = POSITION.exec(position) ?? [];
  if (total === undefined || parts === undefined) {
    throw new ValidationError([
      { path: 'after', message: 'is no position of the log; take one from an earlier answer' },
    ]);
  }
  const places = parts
    .split('.')
    .slice(1)
    .map((part): [string, LogPlace] => {
      const [partition = '', page, offset] = part.split('_');
      return [partition, { page: Number(page), offset: Number(offset) }];
    });
  return { total: Number.parseInt(total, 16), places: new Map(places) };
}

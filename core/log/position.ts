import { ValidationError } from '../base/errors.ts';

/** The next event to read in a partition: its page, and the number of events before it in that page. */
export interface LogPlace {
  readonly page: number;
  readonly offset: number;
}

/** The progress of a reader: the next place in each partition, and the number of events before these places. */
export interface Cursor {
  readonly total: number;
  /** The number of the reader's layout, from 0. Partitions of earlier layouts are read to their ends. */
  readonly layout: number;
  /** An absent partition is at its beginning. */
  readonly places: ReadonlyMap<string, LogPlace>;
}

export const BEGINNING: Cursor = { total: 0, layout: 0, places: new Map() };
export const START: LogPlace = { page: 1, offset: 0 };

const POSITION =
  /^([0-9a-f]{12})(?:~([0-9a-f]{2}))?((?:\.(?:[a-z][a-z0-9]{0,31}|\d{1,3}of\d{1,3}|0open)_[1-9]\d{0,11}_\d{1,7})*|(?<=~..)(?:\.[1-9a-z][0-9a-z]{0,8}(?:_[0-9a-z]{1,5})?)+)$/;
const SHARD = /^(\d+)of(\d+)$/;

const totalText = (total: number): string => total.toString(16).padStart(12, '0');
const layoutText = (layout: number): string => (layout === 0 ? '' : `~${layout.toString(16).padStart(2, '0')}`);

/** Places of a sharded log are short and without names, because each event has a position. */
const shortPlace = ({ page, offset }: LogPlace): string =>
  offset === 0 ? page.toString(36) : `${page.toString(36)}_${offset.toString(36)}`;

/** A part of a position: its partition, its place, and its text before the place. */
interface Part {
  readonly partition: string;
  readonly name: string;
  readonly place: LogPlace;
  readonly format: (place: LogPlace) => string;
}

function partsOf({ layout, places }: Cursor): Part[] {
  const entries = [...places];
  if (layout > 0 && entries.every(([partition]) => SHARD.test(partition))) {
    return entries
      .toSorted(([a], [b]) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
      .map(([partition, place]) => ({ partition, place, name: '.', format: shortPlace }));
  }
  const format = ({ page, offset }: LogPlace) => `${page}_${offset}`;
  return entries
    .map(([partition, place]) => ({ partition, place, name: `.${partition}_`, format }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

const textOf = (parts: readonly Part[]): string =>
  parts.map(({ name, place, format }) => name + format(place)).join('');

/**
 * A cursor as text: opaque to callers, safe in URLs, durable. The positions of one reader grow, compared as strings:
 * they begin with the number of events before them, then the number of the layout.
 */
export function formatPosition(cursor: Cursor): string {
  return totalText(cursor.total) + layoutText(cursor.layout) + textOf(partsOf(cursor));
}

/** Formats positions that differ only in their number of events and in the place in one partition. */
export function positionsIn(partition: string, cursor: Cursor): (total: number, place: LogPlace) => string {
  const parts = partsOf({ ...cursor, places: new Map(cursor.places).set(partition, START) });
  const index = parts.findIndex((part) => part.partition === partition);
  const { name = '', format = shortPlace } = parts[index] ?? {};
  const before = layoutText(cursor.layout) + textOf(parts.slice(0, index)) + name;
  const after = textOf(parts.slice(index + 1));
  return (total, place) => totalText(total) + before + format(place) + after;
}

/** The error for a position that this log never gave out. */
export const noPosition = (): ValidationError =>
  new ValidationError([{ path: 'after', message: 'is no position of the log; take one from an earlier answer' }]);

/** The error for a position after the end of the log. */
export const afterTheLog = (cause: Error): ValidationError =>
  new ValidationError(
    [
      {
        path: 'after',
        message:
          'is after the end of the log: it is from another log, or the log was restored to an earlier moment; read from the beginning, or from a time with `from`',
      },
    ],
    { cause },
  );

/** The cursor of a position. @throws ValidationError when `position` is not a position of the log */
export function parsePosition(position: string): Cursor {
  const [, total, layout = '0', list] = POSITION.exec(position) ?? [];
  if (total === undefined || list === undefined) throw noPosition();
  const parts = list.split('.').slice(1);
  const places = parts.map((part, index): [string, LogPlace] => {
    const fields = part.split('_');
    const [partition = '', page, offset] = fields;
    if (fields.length === 3) return [partition, { page: Number(page), offset: Number(offset) }];
    return [`${index + 1}of${parts.length}`, { page: short(partition), offset: short(page ?? '0') }];
  });
  return { total: Number.parseInt(total, 16), layout: Number.parseInt(layout, 16), places: new Map(places) };
}

const short = (text: string): number => Number.parseInt(text, 36);

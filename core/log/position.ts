import { ValidationError } from '../base/errors.ts';

/** The next event to read of a partition: which page, and how many of its events come before. */
export interface LogPlace {
  readonly page: number;
  readonly offset: number;
}

/** How far a reader has come: the next place in each partition, and the number of events before them all. */
export interface Cursor {
  readonly total: number;
  /** How many changes of its layout the log had had where the reader is: partitions of earlier layouts are read to their ends. */
  readonly layout: number;
  /** A partition that is not named here is at its beginning. */
  readonly places: ReadonlyMap<string, LogPlace>;
}

export const BEGINNING: Cursor = { total: 0, layout: 0, places: new Map() };
export const START: LogPlace = { page: 1, offset: 0 };

const POSITION =
  /^([0-9a-f]{12})(?:~([0-9a-f]{2}))?((?:\.(?:[a-z][a-z0-9]{0,31}|\d{1,3}of\d{1,3})_[1-9]\d{0,11}_\d{1,7})*|(?<=~..)(?:\.[1-9a-z][0-9a-z]{0,8}(?:_[0-9a-z]{1,5})?)+)$/;
const SHARD = /^(\d+)of(\d+)$/;

const totalText = (total: number): string => total.toString(16).padStart(12, '0');
const layoutText = (layout: number): string => (layout === 0 ? '' : `~${layout.toString(16).padStart(2, '0')}`);

/** Places of a sharded log need no names, and are written short: each event has its position. */
const shortPlace = ({ page, offset }: LogPlace): string =>
  offset === 0 ? page.toString(36) : `${page.toString(36)}_${offset.toString(36)}`;

/** A part of a position, before and after the place that it has. */
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
 * A cursor as text: opaque to callers, safe in URLs, durable. Along the way of one reader positions grow, compared as
 * strings, for they begin with the number of events that came before, then of the changes of layout.
 */
export function formatPosition(cursor: Cursor): string {
  return totalText(cursor.total) + layoutText(cursor.layout) + textOf(partsOf(cursor));
}

/** Positions that differ in their number of events and in the place in one partition; made once for many. */
export function positionsIn(partition: string, cursor: Cursor): (total: number, place: LogPlace) => string {
  const parts = partsOf({ ...cursor, places: new Map(cursor.places).set(partition, START) });
  const index = parts.findIndex((part) => part.partition === partition);
  const { name = '', format = shortPlace } = parts[index] ?? {};
  const before = layoutText(cursor.layout) + textOf(parts.slice(0, index)) + name;
  const after = textOf(parts.slice(index + 1));
  return (total, place) => totalText(total) + before + format(place) + after;
}

export const noPosition = (): ValidationError =>
  new ValidationError([{ path: 'after', message: 'is no position of the log; take one from an earlier answer' }]);

export const afterTheLog = (cause: Error): ValidationError =>
  new ValidationError(
    [
      {
        path: 'after',
        message:
          'lies after the end of the log: it is of another log, or the log was restored to an earlier moment; read from the beginning, or from a time with `from`',
      },
    ],
    { cause },
  );

/** @throws ValidationError when `position` is none that this log gave out */
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

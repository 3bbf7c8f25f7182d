import { ValidationError } from '../base/errors.ts';

/** A place of a view in a list. */
export interface ListEntry {
  /** The name of the list. */
  readonly list: string;
  /** A list is sorted by this text, character by character (ASCII), then by the key of the view. */
  readonly order: string;
}

/** Most lists in which a view can stand. */
export const MAX_ENTRIES = 100;

const LIST = /^\P{Cc}{1,256}$/u;
const ORDER = /^[A-Za-z0-9._~:-]{1,128}$/;

/** Whether a text can be the name of a list: 1 to 256 characters, none of them a control character. */
export const isListName = (text: string): boolean => LIST.test(text) && text.isWellFormed();

/**
 * The entries of a view, sorted by list, if they can be stored.
 * @throws ValidationError for more than {@link MAX_ENTRIES} entries, for two entries in a list, and for other characters
 */
export function checkedEntries(projection: string, entries: readonly ListEntry[]): readonly ListEntry[] {
  const fault = (message: string) =>
    new ValidationError([{ path: '', message: `the entries of projection ${projection}: ${message}` }]);
  if (entries.length > MAX_ENTRIES) throw fault(`${entries.length} are given, a view has at most ${MAX_ENTRIES}`);
  for (const { list, order } of entries) {
    if (!isListName(list)) throw fault('the name of a list has 1 to 256 characters and no control characters');
    if (!ORDER.test(order)) throw fault('an order has 1 to 128 characters out of A-Z a-z 0-9 . _ ~ : -');
  }
  if (new Set(entries.map(({ list }) => list)).size < entries.length) throw fault('a view stands in a list once');
  return sortedEntries(entries);
}

/** Entries in the order of their lists, without other members. */
export const sortedEntries = (entries: readonly ListEntry[]): readonly ListEntry[] =>
  entries.map(({ list, order }) => ({ list, order })).toSorted((a, b) => (a.list < b.list ? -1 : 1));

/** Whether a view has an entry. */
export const hasEntry = (entries: readonly ListEntry[] | undefined, { list, order }: ListEntry): boolean =>
  entries?.some((entry) => entry.list === list && entry.order === order) ?? false;

/** The entries of the first list that the second one lacks. */
export const entriesWithout = (entries: readonly ListEntry[], others: readonly ListEntry[]): readonly ListEntry[] =>
  entries.filter((entry) => !hasEntry(others, entry));

/** The place of a view in a list, as text that sorts as the list does. */
export const listPlace = (order: string, key: string): string => `${order} ${key}`;

/** The order and the key of a {@link listPlace}; the key is empty when the text is only an order. */
export function parseListPlace(place: string): { readonly order: string; readonly key: string } {
  const [order = '', key = ''] = place.split(' ');
  return { order, key };
}

import type { TransactWriteItem } from '@aws-sdk/client-dynamodb';
import { entriesWithout, type ListEntry, listPlace, parseListPlace } from '../../../core/projections/entries.ts';
import type { Parked } from '../../../core/projections/parked.ts';
import type { StoredView } from '../../../core/projections/projection.ts';
import type { Item } from './store.ts';
import { entriesValue, placeId, readKey, toViewItem, unchangedCondition, type ViewPlace } from './view-item.ts';

/** Most items of a transaction beside the view. */
const MAX_BESIDE = 99;

/** The key attribute of an entry's item. Keys of views never start with the sign. */
export const entryId = (
  tenant: string,
  view: Pick<StoredView, 'key'> & ViewPlace,
  { list, order }: ListEntry,
): string => placeId(tenant, view, `@${view.key}/${list}/${order}`);

/** The partition of a list in the index of groups, which sorts it by order and key. */
export const listingOf = (tenant: string, place: ViewPlace, list: string): string => placeId(tenant, place, `@${list}`);

/** The order and the key of an entry's item, and its place in the list. */
export function readEntry(item: Item, place: ViewPlace): { order: string; key: string; place: string } {
  const text = readKey(item, place);
  return { ...parseListPlace(text), place: text };
}

const standing = ({ entries = [], surplus = [] }: StoredView): readonly ListEntry[] => [...entries, ...surplus];

/** A write of a view with changed entries. */
export interface EntryWrite {
  readonly table: string;
  readonly tenant: string;
  /** The view to write, with the entries of its read. */
  readonly view: StoredView;
  readonly expectedVersion: number;
  readonly expectedMark: Parked | undefined;
  /** The entries to write. */
  readonly entries: readonly ListEntry[];
}

/** The transactions of a write. */
export interface EntryTransactions {
  /** They come first; the write fails with the first that fails. The last of them writes the view. */
  readonly write: readonly TransactWriteItem[][];
  /** They follow, and remove what no reader sees any longer. */
  readonly clear: readonly TransactWriteItem[][];
}

/**
 * The transactions that write a view with changed entries. A single transaction has room for 99 changes, so further
 * entries are added before it and removed after it. The item of the view names them meanwhile as `surplus`. A reader
 * shows only what the view gives, so the change shows at once; and the next write removes what a crash left.
 * @returns undefined when no entry changes
 * @throws PayloadTooLargeError when the view is too large
 */
export function entryTransactions(write: EntryWrite): EntryTransactions | undefined {
  const { table: TableName, tenant, view, entries, expectedVersion, expectedMark } = write;
  const before = standing(view);
  const added = entriesWithout(entries, before);
  const removed = entriesWithout(before, entries);
  if (added.length + removed.length === 0) return undefined;

  const put = (entry: ListEntry): TransactWriteItem => ({
    Put: {
      TableName,
      Item: {
        view: { S: entryId(tenant, view, entry) },
        key: { S: listPlace(entry.order, view.key) },
        listing: { S: listingOf(tenant, view, entry.list) },
      },
    },
  });
  const remove = (entry: ListEntry): TransactWriteItem => ({
    Delete: { TableName, Key: { view: { S: entryId(tenant, view, entry) } } },
  });

  const [now, early] = [added.slice(0, MAX_BESIDE), added.slice(MAX_BESIDE)]; // at most one is early: 100 are the limit
  const begun = [...(view.surplus ?? []), ...early];
  const room = MAX_BESIDE - now.length;
  let left = removed.slice(room);
  const next = { ...view, entries, surplus: left };
  const found = { expectedVersion, expectedMark };
  const main: TransactWriteItem = {
    Put: { TableName, Item: toViewItem(next, tenant), ...unchangedCondition({ ...found, surplus: begun }) },
  };
  const writes = [[main, ...now.map(put), ...removed.slice(0, room).map(remove)]];
  if (early.length > 0) {
    writes.unshift([surplusUpdate(write, { ...found, surplus: view.surplus }, begun), ...early.map(put)]);
  }

  const clear: TransactWriteItem[][] = [];
  const written = { expectedVersion: view.version, expectedMark: view.parked };
  while (left.length > 0) {
    const [chunk, rest] = [left.slice(0, MAX_BESIDE), left.slice(MAX_BESIDE)];
    clear.push([surplusUpdate(write, { ...written, surplus: left }, rest), ...chunk.map(remove)]);
    left = rest;
  }
  return { write: writes, clear };
}

/** Changes only the surplus entries. A view that is not there yet becomes a checkpoint before the first event. */
function surplusUpdate(
  { table: TableName, tenant, view }: EntryWrite,
  found: Parameters<typeof unchangedCondition>[0],
  surplus: readonly ListEntry[],
): TransactWriteItem {
  const { ConditionExpression, ExpressionAttributeNames, ExpressionAttributeValues } = unchangedCondition(found);
  const value = entriesValue(surplus);
  const set = [
    '#key = if_not_exists(#key, :key)',
    '#version = if_not_exists(#version, :none)',
    '#listing = if_not_exists(#listing, :ungrouped)',
    ...(value ? ['#surplus = :next'] : []),
  ];
  return {
    Update: {
      TableName,
      Key: { view: { S: placeId(tenant, view, view.key) } },
      UpdateExpression: `SET ${set.join(', ')}${value ? '' : ' REMOVE #surplus'}`,
      ConditionExpression,
      ExpressionAttributeNames: { ...ExpressionAttributeNames, '#key': 'key', '#listing': 'listing' },
      ExpressionAttributeValues: {
        ...ExpressionAttributeValues,
        ':key': { S: view.key },
        ':none': { N: '0' },
        ':ungrouped': { S: placeId(tenant, view, '') },
        ...(value ? { ':next': value } : {}),
      },
    },
  };
}

import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import * as z from 'zod';
import { CorruptDataError } from '../../../core/base/errors.ts';
import type { ListEntry } from '../../../core/projections/entries.ts';
import { type Parked, parkedSchema } from '../../../core/projections/parked.ts';
import type { StoredView } from '../../../core/projections/projection.ts';
import { decodeView, encodeView, type ParkedView } from '../../../core/projections/view-store.ts';
import type { Item } from './store.ts';

/** A generation of a projection: the place of its views. */
export type ViewPlace = Pick<StoredView, 'projection' | 'generation'>;

const text = z.object({ S: z.string().min(1) }).transform(({ S }) => S);
const version = z.object({ N: z.string().regex(/^\d{1,16}$/) }).transform(({ N }) => Number(N));
const json = text.transform((encoded): unknown => JSON.parse(encoded));
const mark = json.pipe(parkedSchema);

const pairs = z
  .array(z.tuple([z.string(), z.string()]))
  .transform((entries): ListEntry[] => entries.map(([list, order]) => ({ list, order })));
/** Entries as the text in which items have them. */
export const entriesText = z
  .string()
  .transform((encoded): unknown => JSON.parse(encoded))
  .pipe(pairs);
const entries = text.pipe(entriesText).optional();

const viewItem = z.object({
  view: text,
  key: text,
  version,
  listing: text,
  body: text.transform(decodeView).optional(),
  parked: mark.optional(),
  entries,
  surplus: entries,
});
const parkedItem = z.object({ key: text, version, parked: mark });
const keyItem = z.object({ key: text });

/** The key attribute of a view or a group (with `name`), or of a whole generation (without). */
export const placeId = (tenant: string, { projection, generation }: ViewPlace, name?: string): string =>
  `${tenant}/${projection}/${generation}${name === undefined ? '' : `/${name}`}`;

/** The attribute for entries; undefined for none, which have no attribute. */
export const entriesValue = (entries: readonly ListEntry[] = []): AttributeValue | undefined =>
  entries.length > 0 ? { S: JSON.stringify(entries.map(({ list, order }) => [list, order])) } : undefined;

const markValue = (parked: Parked): AttributeValue => ({ S: JSON.stringify(parked) });

/** The item that stores a view; {@link readViewItem} reads it back. @throws PayloadTooLargeError when the view is too large */
export function toViewItem(stored: StoredView, tenant: string): Item {
  const { key, version, group, parked } = stored;
  const body = encodeView(stored);
  const [entries, surplus] = [entriesValue(stored.entries), entriesValue(stored.surplus)];
  return {
    view: { S: placeId(tenant, stored, key) },
    key: { S: key },
    version: { N: String(version) },
    listing: { S: placeId(tenant, stored, group) },
    ...(body === undefined ? {} : { body: { S: body } }),
    ...(entries ? { entries } : {}),
    ...(surplus ? { surplus } : {}),
    ...(parked ? { parked: markValue(parked), parkedIn: { S: placeId(tenant, stored) } } : {}),
  };
}

/** What a writer found in a view's item. */
export interface FoundItem {
  readonly expectedVersion: number;
  readonly expectedMark?: Parked | undefined;
  readonly surplus?: readonly ListEntry[] | undefined;
}

/**
 * The condition that a view's item has not changed: it is at the expected version, and has exactly the expected mark and
 * surplus entries, or none. Version 0 also holds when there is no item.
 */
export function unchangedCondition({ expectedVersion, expectedMark, surplus }: FoundItem) {
  const left = entriesValue(surplus);
  const mark = expectedMark ? '#parked = :parked' : 'attribute_not_exists(#parked)';
  const found = `(#version = :version AND ${mark})`;
  const place = expectedVersion === 0 && !expectedMark ? `(attribute_not_exists(#version) OR ${found})` : found;
  const rest = left ? '#surplus = :surplus' : 'attribute_not_exists(#surplus)';
  return {
    ConditionExpression: `${place} AND ${rest}`,
    ExpressionAttributeNames: { '#version': 'version', '#parked': 'parked', '#surplus': 'surplus' },
    ExpressionAttributeValues: {
      ':version': { N: String(expectedVersion) },
      ...(expectedMark ? { ':parked': markValue(expectedMark) } : {}),
      ...(left ? { ':surplus': left } : {}),
    },
  };
}

/** Reads a view from its item. @throws CorruptDataError that names the view */
export function readViewItem(item: Item, place: ViewPlace, tenant: string): StoredView {
  const { key, version, listing, body, parked, entries, surplus } = parsed(viewItem, item, place);
  const group = listing.slice(placeId(tenant, place, '').length);
  const { projection, generation } = place;
  return {
    projection,
    generation,
    key,
    version,
    group,
    view: undefined,
    ...body,
    ...(entries ? { entries } : {}),
    ...(surplus ? { surplus } : {}),
    ...(parked ? { parked } : {}),
  };
}

/** Reads the mark of a stream that waits as a dead letter. @throws CorruptDataError that names the view */
export const readParkedItem = (item: Item, place: ViewPlace): ParkedView => parsed(parkedItem, item, place);

/** Reads the key of a view from its item. @throws CorruptDataError that names the view */
export const readKey = (item: Item, place: ViewPlace): string => parsed(keyItem, item, place).key;

function parsed<S extends z.ZodType>(schema: S, item: Item, { projection }: ViewPlace): z.output<S> {
  try {
    return schema.parse(item);
  } catch (cause) {
    throw new CorruptDataError(`the item ${item['view']?.S} is no view of ${projection}`, { cause });
  }
}

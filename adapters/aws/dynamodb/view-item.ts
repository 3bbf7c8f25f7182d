import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import * as z from 'zod';
import { CorruptDataError } from '../../../core/base/errors.ts';
import { type Parked, parkedSchema } from '../../../core/projections/parked.ts';
import type { StoredView } from '../../../core/projections/projection.ts';
import { decodeView, encodeView, type ParkedView } from '../../../core/projections/view-store.ts';
import type { Item } from './store.ts';

export type ViewKey = Pick<StoredView, 'projection' | 'generation'>;

const text = z.object({ S: z.string().min(1) }).transform(({ S }) => S);
const version = z.object({ N: z.string().regex(/^\d{1,16}$/) }).transform(({ N }) => Number(N));
const json = text.transform((encoded): unknown => JSON.parse(encoded));
const mark = json.pipe(parkedSchema);

const viewItem = z.object({
  view: text,
  key: text,
  version,
  listing: text,
  body: text.transform(decodeView).optional(),
  parked: mark.optional(),
});
const parkedItem = z.object({ key: text, version, parked: mark });
const keyItem = z.object({ key: text });

/** What names a view, a group or a generation in keys. */
export const placeId = (tenant: string, { projection, generation }: ViewKey, name?: string): string =>
  `${tenant}/${projection}/${generation}${name === undefined ? '' : `/${name}`}`;

export const markText = (parked: Parked): AttributeValue => ({ S: JSON.stringify(parked) });

/** @throws PayloadTooLargeError */
export function viewItemOf(stored: StoredView, tenant: string): Item {
  const { key, version, group, parked } = stored;
  const body = encodeView(stored);
  return {
    view: { S: placeId(tenant, stored, key) },
    key: { S: key },
    version: { N: String(version) },
    listing: { S: placeId(tenant, stored, group) },
    ...(body === undefined ? {} : { body: { S: body } }),
    ...(parked ? { parked: markText(parked), parkedIn: { S: placeId(tenant, stored) } } : {}),
  };
}

/** The condition that a view's item still is at a version, and still has or has not a mark. */
export function unchanged(expectedVersion: number, expectedMark: Parked | undefined) {
  const names = { '#version': 'version', '#parked': 'parked' };
  const values = { ':version': { N: String(expectedVersion) } };
  if (expectedMark) {
    return {
      ConditionExpression: '#version = :version AND #parked = :parked',
      ExpressionAttributeNames: names,
      ExpressionAttributeValues: { ...values, ':parked': markText(expectedMark) },
    };
  }
  const isNew = expectedVersion === 0 ? 'attribute_not_exists(#version) OR ' : '';
  return {
    ConditionExpression: `${isNew}(#version = :version AND attribute_not_exists(#parked))`,
    ExpressionAttributeNames: names,
    ExpressionAttributeValues: values,
  };
}

/** @throws CorruptDataError that names the view */
export function viewOf(item: Item, place: ViewKey, tenant: string): StoredView {
  const { key, version, listing, body, parked } = parsed(viewItem, item, place);
  const group = listing.slice(placeId(tenant, place, '').length);
  const { projection, generation } = place;
  return { projection, generation, key, version, group, view: undefined, ...body, ...(parked ? { parked } : {}) };
}

/** @throws CorruptDataError that names the view */
export const parkedViewOf = (item: Item, place: ViewKey): ParkedView => parsed(parkedItem, item, place);

/** @throws CorruptDataError */
export const keyOf = (item: Item, place: ViewKey): string => parsed(keyItem, item, place).key;

function parsed<S extends z.ZodType>(schema: S, item: Item, { projection }: ViewKey): z.output<S> {
  try {
    return schema.parse(item);
  } catch (cause) {
    throw new CorruptDataError(`the item ${item['view']?.S} is no view of ${projection}`, { cause });
  }
}

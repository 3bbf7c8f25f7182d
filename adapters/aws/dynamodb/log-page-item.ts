import type { AttributeValue, BatchStatementRequest } from '@aws-sdk/client-dynamodb';
import * as z from 'zod';
import { CorruptDataError } from '../../../core/base/errors.ts';
import type { LogPage } from '../../../core/log/page.ts';

const text = z.object({ S: z.string().min(1) }).transform(({ S }) => S);
const number = z.object({ N: z.string().regex(/^\d{1,16}$/) }).transform(({ N }) => Number(N));

const pageItem = z.object({
  partition: text.transform((key) => key.slice(key.indexOf('/') + 1)),
  page: number,
  firstEvent: number,
  count: number,
  firstRecordedAt: text,
  through: text,
  latenessMs: number,
  appendedAt: text,
  types: z
    .object({ SS: z.array(z.string()).min(1) })
    .transform(({ SS }) => SS)
    .default([]),
  body: z.object({ B: z.instanceof(Uint8Array) }).transform(({ B }) => B),
});

/** Partition key of a partition's pages. */
export const partitionKey = (tenant: string, partition: string): string => `${tenant}/${partition}`;

/** The item that stores a page; {@link readPageItem} reads it back. */
export function toPageItem(page: LogPage, tenant: string): Record<string, AttributeValue> {
  return {
    partition: { S: partitionKey(tenant, page.partition) },
    page: { N: String(page.page) },
    firstEvent: { N: String(page.firstEvent) },
    count: { N: String(page.count) },
    firstRecordedAt: { S: page.firstRecordedAt },
    through: { S: page.through },
    latenessMs: { N: String(page.latenessMs) },
    appendedAt: { S: page.appendedAt },
    ...(page.types.length === 0 ? {} : { types: { SS: [...page.types] } }),
    body: { B: page.body },
  };
}

/** Reads a page from its item. @throws CorruptDataError that names page and partition, as far as they can be read */
export function readPageItem(item: unknown): LogPage {
  const parsed = pageItem.safeParse(item);
  if (parsed.success) return parsed.data;
  const place = z.object({ partition: text, page: number }).safeParse(item).data;
  const name = place ? `${place.page} of ${place.partition}` : 'without keys';
  throw new CorruptDataError(`the item ${name} is no page of the log`, { cause: parsed.error });
}

/** Attribute of a mark: its height. */
const MARK = 'mark';
const MARKS = '/marks/';

/** Keys of a mark. Each mark has a separate partition key, so that marks spread over the table and stay apart from pages. */
export const markKey = (tenant: string, key: string): Record<string, AttributeValue> => ({
  partition: { S: `${tenant}${MARKS}${key}` },
  page: { N: '0' },
});

/** A request to raise a mark to at least `mark`. */
export interface Raise {
  readonly key: string;
  readonly mark: number;
  /** Whether the table has the mark already: a guess, unless `isSure`. */
  readonly exists: boolean;
  /** DynamoDB confirmed that the mark exists. */
  readonly isSure: boolean;
}

/** A statement that raises a lower mark (`exists`) or inserts a new mark. The statement fails when neither applies. */
export function raiseStatement(
  table: string,
  { partition, page }: Record<string, AttributeValue>,
  { mark, exists }: Raise,
): BatchStatementRequest {
  const height = { N: String(mark) };
  const place = [partition, page].filter((attribute) => attribute !== undefined);
  return exists
    ? {
        Statement: `UPDATE "${table}" SET "${MARK}" = ? WHERE "partition" = ? AND "page" = ? AND "${MARK}" < ?`,
        Parameters: [height, ...place, height],
      }
    : {
        Statement: `INSERT INTO "${table}" VALUE {'partition': ?, 'page': ?, '${MARK}': ?}`,
        Parameters: [...place, height],
      };
}

const markItem = z.object({ partition: text, [MARK]: number });

/** Reads a mark from its item. @throws CorruptDataError when the item is no mark */
export function readMarkItem(item: unknown): [key: string, mark: number] {
  const parsed = markItem.safeParse(item);
  if (!parsed.success) throw new CorruptDataError('an item of the log is no mark of a stream', { cause: parsed.error });
  const { partition, mark } = parsed.data;
  return [partition.slice(partition.indexOf(MARKS) + MARKS.length), mark];
}

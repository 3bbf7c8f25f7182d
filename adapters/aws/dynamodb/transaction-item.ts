import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import * as z from 'zod';
import { CorruptDataError } from '../../../core/base/errors.ts';
import type { TransactionMark } from '../../../core/store/commit-storage.ts';
import { readNumbers, readPlaces, type Tagging, type TagPlace } from '../../../core/store/tags.ts';
import { digest, digestValue, positive, streamKey, text } from './commit-item.ts';

/** The keys of an item of the events table. */
export type PlaceKey = Record<'stream' | 'version', AttributeValue>;

/** The name of the partition of a tag. No stream has it, because a stream id begins with a letter. */
const TAG = ':tag:';
/** The name of the partition of a transaction's mark. */
const TRANSACTION = ':transaction:';

/** Keys of the entry of a tag. */
export const tagKey = (tenant: string, { tag, number }: TagPlace): PlaceKey => ({
  stream: { S: streamKey(tenant, `${TAG}${tag}`) },
  version: { N: String(-number) },
});

/** The item of an entry; {@link readTagging} reads it back. */
export const toTagItem = (tenant: string, entry: Tagging): Record<string, AttributeValue> => ({
  ...tagKey(tenant, entry),
  tagged: { S: entry.stream },
  at: { N: String(entry.version) },
  sequenceNumbers: { S: JSON.stringify(entry.sequenceNumbers) },
});

const tagItem = z.object({
  stream: text,
  version: z.object({ N: z.string().regex(/^-[1-9]\d*$/) }).transform(({ N }) => -Number(N)),
  tagged: text,
  at: positive,
  sequenceNumbers: text,
});

/** @throws CorruptDataError when the item is no entry of a tag */
export function readTagging(item: unknown): Tagging {
  const { success, data, error } = tagItem.safeParse(item);
  if (!success) throw new CorruptDataError('the entry of a tag cannot be read', { cause: error });
  const tag = data.stream.slice(data.stream.indexOf(TAG) + TAG.length);
  const numbers = readNumbers(data.sequenceNumbers, `the sequence numbers of tag ${tag}, number ${data.version}`);
  return { tag, number: data.version, stream: data.tagged, version: data.at, sequenceNumbers: numbers };
}

/** Keys of the mark of a transaction. */
export const markKey = (tenant: string, id: string): PlaceKey => ({
  stream: { S: streamKey(tenant, `${TRANSACTION}${id}`) },
  version: { N: '-1' },
});

/** The item of a mark; {@link readMark} reads it back. */
export const toMarkItem = (tenant: string, mark: TransactionMark): Record<string, AttributeValue> => ({
  ...markKey(tenant, mark.id),
  recordedAt: { S: mark.recordedAt },
  commits: { S: JSON.stringify(mark.commits) },
  ...(mark.digest === undefined ? {} : { digest: digestValue(mark.digest) }),
});

const markItem = z.object({ stream: text, recordedAt: text, commits: text, digest });

/** @throws CorruptDataError when the item is no mark of a transaction */
export function readMark(item: unknown): TransactionMark {
  const { success, data, error } = markItem.safeParse(item);
  if (!success) throw new CorruptDataError('the mark of a transaction cannot be read', { cause: error });
  const id = data.stream.slice(data.stream.indexOf(TRANSACTION) + TRANSACTION.length);
  const commits = readPlaces(data.commits, `the places of transaction ${id}`);
  return { id, recordedAt: data.recordedAt, commits, digest: data.digest };
}

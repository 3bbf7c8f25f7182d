import { createHash } from 'node:crypto';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import * as z from 'zod';
import { CorruptDataError } from '../../../core/base/errors.ts';
import { isStreamId } from '../../../core/base/stream-id.ts';
import { type Commit, MAX_EVENTS_PER_COMMIT } from '../../../core/store/commit.ts';
import { EXPIRES_AT } from './tables.ts';

export const text = z.object({ S: z.string().min(1) }).transform(({ S }) => S);
export const positive = z
  .object({ N: z.string().regex(/^[1-9]\d{0,15}$/, 'is no positive integer') })
  .transform(({ N }) => Number(N));

const extent = z.object({
  version: positive,
  count: positive.refine((count) => count <= MAX_EVENTS_PER_COMMIT, 'is too many'),
});

/** The item holds bytes, the commit has text. */
export const digest = z
  .object({ B: z.instanceof(Uint8Array) })
  .transform(({ B }) => Buffer.from(B).toString('base64url'))
  .optional();

const transaction = z
  .object({ M: z.object({ id: text, size: positive }) })
  .transform(({ M }) => M)
  .optional();

/** An item of the events table with its body already in bytes. */
const commitItem = extent
  .extend({
    stream: text,
    commitId: text.optional(),
    idempotencyKey: text.optional(),
    recordedAt: z.object({ S: z.iso.datetime() }).transform(({ S }) => S),
    types: z.object({ SS: z.array(z.string()).min(1) }).transform(({ SS }) => SS),
    body: z.object({ B: z.instanceof(Uint8Array) }).transform(({ B }) => B),
    trace: text.optional(),
    digest,
    transaction,
  })
  .transform(({ stream, commitId, idempotencyKey, trace, digest, transaction, ...item }, context): Commit => {
    const id = idempotencyKey ?? commitId;
    if (id === undefined) context.addIssue('has no commit id');
    return {
      ...item,
      stream: stream.slice(stream.indexOf('/') + 1),
      commitId: id ?? '',
      keyed: idempotencyKey !== undefined,
      ...(trace === undefined ? {} : { trace }),
      ...(digest === undefined ? {} : { digest }),
      ...(transaction === undefined ? {} : { transaction }),
    };
  });

/** Partition key of a stream's commits. */
export const streamKey = (tenant: string, stream: string): string => `${tenant}/${stream}`;

/** The item that stores a commit; {@link readCommitItem} reads it back. */
export function toCommitItem(commit: Commit, tenant: string): Record<string, AttributeValue> {
  const { stream, version, count, commitId, keyed, recordedAt, types, body, trace, digest, transaction } = commit;
  return {
    stream: { S: streamKey(tenant, stream) },
    version: { N: String(version) },
    count: { N: String(count) },
    // Only keyed commits are found by id. So only they are in the index, which costs a write unit each.
    [keyed ? 'idempotencyKey' : 'commitId']: { S: commitId },
    recordedAt: { S: recordedAt },
    types: { SS: [...types] },
    body: { B: body },
    ...(trace === undefined ? {} : { trace: { S: trace } }),
    ...(digest === undefined ? {} : { digest: digestValue(digest) }),
    ...(transaction === undefined
      ? {}
      : { transaction: { M: { id: { S: transaction.id }, size: { N: String(transaction.size) } } } }),
  };
}

export const digestValue = (digest: string): AttributeValue => ({ B: Buffer.from(digest, 'base64url') });

/*
 * A stream's partition holds notes beside the commits: a note for each event id that a caller gave, and a note for each
 * keyed request that changed nothing. The sort keys of notes are negative, so that queries for commits skip them. Partitions
 * of their own hold the entries of tags and the marks of transactions, with negative sort keys too: transaction-item.ts.
 */

/** The sort key of a note: negative, and the same each time for the same id. A hash of 96 bits tells ids apart. */
function noteVersion(kind: 'event' | 'request', id: string): string {
  const hash = createHash('sha256').update(`${kind} ${id}`).digest('hex').slice(0, 24);
  return `-${BigInt(`0x${hash}`) + 1n}`;
}

/** Keys of the note of an event id. */
export const eventNoteKey = (
  tenant: string,
  stream: string,
  id: string,
): Record<'stream' | 'version', AttributeValue> => ({
  stream: { S: streamKey(tenant, stream) },
  version: { N: noteVersion('event', id) },
});

/** The note that a caller gave an event its id. */
export const toEventNote = (tenant: string, stream: string, id: string, sequenceNumber: number) => ({
  ...eventNoteKey(tenant, stream, id),
  eventId: { S: id },
  sequenceNumber: { N: String(sequenceNumber) },
});

const eventNote = z.object({ eventId: text, sequenceNumber: positive });

/** @throws CorruptDataError when the item is no note of an event id */
export function readEventNote(item: unknown): { readonly id: string; readonly sequenceNumber: number } {
  const { success, data, error } = eventNote.safeParse(item);
  if (!success) throw new CorruptDataError('the note of an event id cannot be read', { cause: error });
  return { id: data.eventId, sequenceNumber: data.sequenceNumber };
}

/** The note that a keyed request changed nothing. The index of keys has it, and DynamoDB drops it after `expiresAt`. */
export function toRequestNote(unchanged: Commit, tenant: string, expiresAt: Date): Record<string, AttributeValue> {
  const { stream, version, commitId, recordedAt, digest } = unchanged;
  return {
    stream: { S: streamKey(tenant, stream) },
    version: { N: noteVersion('request', commitId) },
    idempotencyKey: { S: commitId },
    next: { N: String(version) },
    recordedAt: { S: recordedAt },
    [EXPIRES_AT]: { N: String(Math.ceil(expiresAt.getTime() / 1_000)) },
    ...(digest === undefined ? {} : { digest: digestValue(digest) }),
  };
}

const requestNote = z.object({
  stream: text,
  idempotencyKey: text,
  next: positive,
  recordedAt: z.object({ S: z.string() }).transform(({ S }) => S),
  digest,
});

/** @throws CorruptDataError when the item is no note of a request */
export function readRequestNote(item: unknown): Commit {
  const { success, data, error } = requestNote.safeParse(item);
  if (!success) throw new CorruptDataError('the note of a request cannot be read', { cause: error });
  const { stream, idempotencyKey: commitId, next: version, digest, ...note } = data;
  const place = { stream: stream.slice(stream.indexOf('/') + 1), version, count: 0 };
  const nothing = { types: [], body: new Uint8Array() };
  return { ...note, ...place, ...nothing, commitId, keyed: true, ...(digest === undefined ? {} : { digest }) };
}

/** Whether an item is a note and no commit; the keys of the item suffice. */
export const isNote = (item: unknown): boolean => noteKeys.safeParse(item).success;

const noteKeys = z.object({ version: z.object({ N: z.string().startsWith('-') }) });

/**
 * A stand-in for a damaged item whose keys are still those of a commit: one event that cannot be read. Readers of that
 * stream fail at this event, as with any damaged body. Other streams are not concerned.
 * @returns undefined when the keys cannot be read either
 */
export function unreadableCommit(item: unknown): Commit | undefined {
  const keys = z.object({ stream: text, version: positive }).safeParse(item).data;
  const stream = keys?.stream.slice(keys.stream.indexOf('/') + 1);
  if (!keys || stream === undefined || !isStreamId(stream)) return undefined;
  const body = new Uint8Array();
  return { stream, version: keys.version, count: 1, commitId: '', keyed: false, recordedAt: '', types: [], body };
}

/** Reads a commit from its item. @throws CorruptDataError that names stream and version, as far as they can be read */
export function readCommitItem(item: unknown): Commit {
  const parsed = commitItem.safeParse(item);
  if (parsed.success) return parsed.data;
  const keys = z.object({ stream: text, version: positive }).safeParse(item).data;
  const where = keys ? `at version ${keys.version} of stream ${keys.stream}` : 'without keys';
  throw new CorruptDataError(`the item ${where} is no commit`, { cause: parsed.error });
}

/** Version and count of a commit, when nothing else of it was fetched. @throws CorruptDataError that names the stream */
export function readCommitExtent(item: unknown, stream: string): Pick<Commit, 'version' | 'count'> {
  const parsed = extent.safeParse(item);
  if (parsed.success) return parsed.data;
  throw new CorruptDataError(`the last item of stream ${stream} is no commit`, { cause: parsed.error });
}

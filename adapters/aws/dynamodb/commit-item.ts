import { createHash } from 'node:crypto';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import * as z from 'zod';
import { CorruptDataError } from '../../../core/base/errors.ts';
import { isStreamId } from '../../../core/base/stream-id.ts';
import { type Commit, MAX_EVENTS_PER_COMMIT } from '../../../core/store/commit.ts';
import { EXPIRES_AT } from './tables.ts';

const text = z.object({ S: z.string().min(1) }).transform(({ S }) => S);
const positive = z
  .object({ N: z.string().regex(/^[1-9]\d{0,15}$/, 'is no positive integer') })
  .transform(({ N }) => Number(N));

const placeInStream = z.object({
  version: positive,
  count: positive.refine((count) => count <= MAX_EVENTS_PER_COMMIT, 'is too many'),
});

/** Kept as bytes, known as text. */
const digest = z
  .object({ B: z.instanceof(Uint8Array) })
  .transform(({ B }) => Buffer.from(B).toString('base64url'))
  .optional();

/** An item of the events table with its body already in bytes. */
const commitItem = placeInStream
  .extend({
    stream: text,
    commitId: text.optional(),
    idempotencyKey: text.optional(),
    recordedAt: z.object({ S: z.iso.datetime() }).transform(({ S }) => S),
    types: z.object({ SS: z.array(z.string()).min(1) }).transform(({ SS }) => SS),
    body: z.object({ B: z.instanceof(Uint8Array) }).transform(({ B }) => B),
    trace: text.optional(),
    digest,
  })
  .transform(({ stream, commitId, idempotencyKey, trace, digest, ...item }, context): Commit => {
    const id = idempotencyKey ?? commitId;
    if (id === undefined) context.addIssue('has no commit id');
    return {
      ...item,
      stream: stream.slice(stream.indexOf('/') + 1),
      commitId: id ?? '',
      keyed: idempotencyKey !== undefined,
      ...(trace === undefined ? {} : { trace }),
      ...(digest === undefined ? {} : { digest }),
    };
  });

/** Partition key of a stream's commits. */
export const streamKey = (tenant: string, stream: string): string => `${tenant}/${stream}`;

export function itemOf(commit: Commit, tenant: string): Record<string, AttributeValue> {
  const { stream, version, count, commitId, keyed, recordedAt, types, body, trace, digest } = commit;
  return {
    stream: { S: streamKey(tenant, stream) },
    version: { N: String(version) },
    count: { N: String(count) },
    // Only what a caller may ask for by its id is in the index, and costs a write unit there.
    [keyed ? 'idempotencyKey' : 'commitId']: { S: commitId },
    recordedAt: { S: recordedAt },
    types: { SS: [...types] },
    body: { B: body },
    ...(trace === undefined ? {} : { trace: { S: trace } }),
    ...(digest === undefined ? {} : { digest: digestOf(digest) }),
  };
}

const digestOf = (digest: string): AttributeValue => ({ B: Buffer.from(digest, 'base64url') });

/*
 * Beside the commits of a stream, under its key, lie notes: one of each event id that a caller gave, and one of each keyed
 * request that changed nothing. Their sort keys are negative, so that no query for commits, nor for the last one, meets them.
 */

/** The place of a note: negative, and the same each time for what it is about. 96 bits of a hash keep two apart. */
function notePlace(kind: 'event' | 'request', id: string): string {
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
  version: { N: notePlace('event', id) },
});

/** The note that a caller gave an event its id. */
export const eventNoteOf = (tenant: string, stream: string, id: string, sequenceNumber: number) => ({
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

/** The note that a keyed request changed nothing. It is in the index of keys, and DynamoDB drops it after a while. */
export function requestNoteOf(unchanged: Commit, tenant: string, expiresAt: Date): Record<string, AttributeValue> {
  const { stream, version, commitId, recordedAt, digest } = unchanged;
  return {
    stream: { S: streamKey(tenant, stream) },
    version: { N: notePlace('request', commitId) },
    idempotencyKey: { S: commitId },
    next: { N: String(version) },
    recordedAt: { S: recordedAt },
    [EXPIRES_AT]: { N: String(Math.ceil(expiresAt.getTime() / 1_000)) },
    ...(digest === undefined ? {} : { digest: digestOf(digest) }),
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

/** Whether an item, or its keys, are those of a note and not of a commit. */
export const isNote = (item: unknown): boolean => noteKeys.safeParse(item).success;

const noteKeys = z.object({ version: z.object({ N: z.string().startsWith('-') }) });

/**
 * A stand-in for an item that is no commit but has a commit's keys: one event that cannot be read, in its place in its
 * stream. So it fails where the events of that stream are wanted, like any other body that is damaged, and nowhere else.
 * @returns undefined when not even the keys can be read
 */
export function unreadableCommit(item: unknown): Commit | undefined {
  const keys = z.object({ stream: text, version: positive }).safeParse(item).data;
  const stream = keys?.stream.slice(keys.stream.indexOf('/') + 1);
  if (!keys || stream === undefined || !isStreamId(stream)) return undefined;
  const body = new Uint8Array();
  return { stream, version: keys.version, count: 1, commitId: '', keyed: false, recordedAt: '', types: [], body };
}

/** @throws CorruptDataError that names what can be known of the place */
export function commitOf(item: unknown): Commit {
  const parsed = commitItem.safeParse(item);
  if (parsed.success) return parsed.data;
  const keys = z.object({ stream: text, version: positive }).safeParse(item).data;
  const where = keys ? `at version ${keys.version} of stream ${keys.stream}` : 'without keys';
  throw new CorruptDataError(`the item ${where} is no commit`, { cause: parsed.error });
}

/** The place of a commit of which nothing else was fetched. @throws CorruptDataError that names the stream */
export function placeOf(item: unknown, stream: string): Pick<Commit, 'version' | 'count'> {
  const parsed = placeInStream.safeParse(item);
  if (parsed.success) return parsed.data;
  throw new CorruptDataError(`the last item of stream ${stream} is no commit`, { cause: parsed.error });
}

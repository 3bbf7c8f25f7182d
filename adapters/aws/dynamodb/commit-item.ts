import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import * as z from 'zod';
import { CorruptDataError } from '../../../core/base/errors.ts';
import { isStreamId } from '../../../core/base/stream-id.ts';
import { type Commit, MAX_EVENTS_PER_COMMIT } from '../../../core/store/commit.ts';

const text = z.object({ S: z.string().min(1) }).transform(({ S }) => S);
const positive = z
  .object({ N: z.string().regex(/^[1-9]\d{0,15}$/, 'is no positive integer') })
  .transform(({ N }) => Number(N));

const placeInStream = z.object({
  version: positive,
  count: positive.refine((count) => count <= MAX_EVENTS_PER_COMMIT, 'is too many'),
});

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
  })
  .transform(({ stream, commitId, idempotencyKey, trace, ...item }, context): Commit => {
    const id = idempotencyKey ?? commitId;
    if (id === undefined) context.addIssue('has no commit id');
    return {
      ...item,
      stream: stream.slice(stream.indexOf('/') + 1),
      commitId: id ?? '',
      keyed: idempotencyKey !== undefined,
      ...(trace === undefined ? {} : { trace }),
    };
  });

/** Partition key of a stream's commits. */
export const streamKey = (tenant: string, stream: string): string => `${tenant}/${stream}`;

export function itemOf(commit: Commit, tenant: string): Record<string, AttributeValue> {
  const { stream, version, count, commitId, keyed, recordedAt, types, body, trace } = commit;
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
  };
}

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

import * as z from 'zod';
import { parse } from '../../../core/base/validation.ts';
import type { Commit } from '../../../core/store/commit.ts';
import { isNote, readCommitItem, unreadableCommit } from '../dynamodb/commit-item.ts';

/** A commit from the stream of the events table, or the error for a record that is no commit. */
export type StreamRecord = {
  /** If this record fails, the redelivery of the batch starts here. */
  readonly sequenceNumber: string;
} & ({ readonly commit: Commit } | { readonly error: unknown });

/** The event that Lambda delivers; see https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html. */
const streamEvent = z.object({
  Records: z.array(
    z.object({
      eventName: z.string(),
      dynamodb: z.object({
        SequenceNumber: z.string().min(1),
        Keys: z.unknown().optional(),
        NewImage: z.unknown().optional(),
      }),
    }),
  ),
});

/** In JSON, an item's binary attributes are in base64. */
const bytes = z.object({ B: z.string() }).transform(({ B }) => ({ B: new Uint8Array(Buffer.from(B, 'base64')) }));
const image = z.looseObject({ body: bytes, digest: bytes.optional() });

/**
 * Reads the commits of a batch of stream records, in the stream's order. Only inserts of commits count: changes and removals
 * come from retention, because commits never change, and notes beside the commits are skipped. A damaged record becomes an
 * unreadable commit when its keys can be read, else an error.
 * @throws ValidationError when the event is no batch of stream records
 */
export function parseStreamRecords(event: unknown): StreamRecord[] {
  const { Records } = parse(streamEvent, event);
  const inserted = Records.filter(({ eventName, dynamodb }) => eventName === 'INSERT' && !isNote(dynamodb.Keys));
  return inserted.map(({ dynamodb }) => {
    const { SequenceNumber: sequenceNumber, Keys, NewImage } = dynamodb;
    try {
      const decoded = image.safeParse(NewImage);
      return { sequenceNumber, commit: readCommitItem(decoded.success ? decoded.data : NewImage) };
    } catch (error) {
      const commit = unreadableCommit(Keys);
      return commit ? { sequenceNumber, commit } : { sequenceNumber, error };
    }
  });
}

import * as z from 'zod';
import { parse } from '../../../core/base/validation.ts';
import type { Commit } from '../../../core/store/commit.ts';
import { commitOf, isNote, unreadableCommit } from '../dynamodb/commit-item.ts';

/** A commit as the stream of the events table delivered it, or why the record could not be read as one. */
export type StreamRecord = {
  /** Where a redelivery of the batch has to start, should this record fail. */
  readonly sequenceNumber: string;
} & ({ readonly commit: Commit } | { readonly error: unknown });

/** What Lambda hands over; see https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html. */
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
 * The commits in a batch of stream records, in the stream's order. Records of anything but an insert are left out:
 * commits never change, only retention touches or removes them. So are notes beside the commits. A record that is no commit stands in for one that cannot
 * be decoded, as long as its keys say which.
 * @throws ValidationError when the event is no batch of stream records at all
 */
export function parseStreamRecords(event: unknown): StreamRecord[] {
  const { Records } = parse(streamEvent, event);
  const inserted = Records.filter(({ eventName, dynamodb }) => eventName === 'INSERT' && !isNote(dynamodb.Keys));
  return inserted.map(({ dynamodb }) => {
    const { SequenceNumber: sequenceNumber, Keys, NewImage } = dynamodb;
    try {
      const decoded = image.safeParse(NewImage);
      return { sequenceNumber, commit: commitOf(decoded.success ? decoded.data : NewImage) };
    } catch (error) {
      const commit = unreadableCommit(Keys);
      return commit ? { sequenceNumber, commit } : { sequenceNumber, error };
    }
  });
}

import * as z from 'zod';
import { CorruptDataError } from '../../../core/base/errors.ts';

/** Where in a stream the records of a batch are. */
export interface ShardRange {
  readonly streamArn: string;
  readonly shardId: string;
  readonly from: string;
  readonly to: string;
  readonly records: number;
}

/** What Lambda wrote of a batch that it gave up. */
export interface FailedInvocation {
  /** Of the consumer, as it was invoked. */
  readonly functionArn: string;
  readonly range: ShardRange;
  /** The records, when they are there. */
  readonly records: readonly unknown[] | undefined;
}

const payload = z.object({ Records: z.array(z.unknown()).min(1) });

/** Documented as an object and seen as JSON in a string: both are read. */
const anyPayload = z.union([
  payload,
  z.string().transform((text, context): z.output<typeof payload> => {
    try {
      return payload.parse(JSON.parse(text));
    } catch {
      context.addIssue('is no batch of records');
      return z.NEVER;
    }
  }),
]);

/** See https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html: an invocation record, in S3 with its payload. */
const invocationRecord = z.object({
  requestContext: z.object({ functionArn: z.string().min(1) }),
  DDBStreamBatchInfo: z.object({
    shardId: z.string().min(1),
    startSequenceNumber: z.string().min(1),
    endSequenceNumber: z.string().min(1),
    batchSize: z.int().positive(),
    streamArn: z.string().min(1),
  }),
  payload: z.unknown().optional(),
});

/** @throws CorruptDataError when it is no such record */
export function failedInvocationOf(key: string, bytes: Uint8Array): FailedInvocation {
  try {
    const record = invocationRecord.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
    const { shardId, startSequenceNumber, endSequenceNumber, batchSize, streamArn } = record.DDBStreamBatchInfo;
    return {
      functionArn: record.requestContext.functionArn,
      range: { streamArn, shardId, from: startSequenceNumber, to: endSequenceNumber, records: batchSize },
      records: anyPayload.safeParse(record.payload).data?.Records,
    };
  } catch (cause) {
    throw new CorruptDataError(`the object ${key} is no record of a failed batch`, { cause });
  }
}

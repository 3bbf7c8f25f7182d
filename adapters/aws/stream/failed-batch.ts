import * as z from 'zod';
import { CorruptDataError } from '../../../core/base/errors.ts';

/** The place of a batch's records in a stream: sequence numbers `from` to `to`, both included. */
export interface ShardRange {
  readonly streamArn: string;
  readonly shardId: string;
  readonly from: string;
  readonly to: string;
  readonly records: number;
}

/** Lambda's record of a batch that it gave up. */
export interface FailedInvocation {
  /** The ARN with which Lambda invoked the consumer. */
  readonly functionArn: string;
  readonly range: ShardRange;
  /** The records of the batch, when Lambda wrote them. */
  readonly records: readonly unknown[] | undefined;
}

const payload = z.object({ Records: z.array(z.unknown()).min(1) });

/** AWS documents an object, and delivers JSON in a string: both are read. */
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

/** An invocation record; see https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html. In S3 it has the payload. */
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

/** Reads Lambda's record of a batch from its object in S3. @throws CorruptDataError when the object is no such record */
export function readFailedInvocation(key: string, bytes: Uint8Array): FailedInvocation {
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

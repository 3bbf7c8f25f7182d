interface Form {
  readonly functionArn?: string;
  readonly asObject?: boolean;
  readonly withoutPayload?: boolean;
  readonly shard?: { readonly streamArn: string; readonly shardId: string };
}

/**
 * The record that Lambda writes into the bucket for a failed batch; see
 * https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html. The payload is there as JSON in a string.
 */
export function failedBatchRecord(
  records: readonly unknown[],
  { functionArn, asObject, withoutPayload, shard }: Form,
): Buffer {
  const numbers = records.map((record) => (record as { dynamodb: { SequenceNumber: string } }).dynamodb.SequenceNumber);
  const payload = { Records: records };
  return Buffer.from(
    JSON.stringify({
      requestContext: {
        requestId: '316aa6d0-8154-xmpl-9af7-85d5f4a6bc81',
        functionArn,
        condition: 'RecordAgeExceeded',
        approximateInvokeCount: 140,
      },
      responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
      version: '1.0',
      timestamp: '2026-11-28T00:13:49.717Z',
      DDBStreamBatchInfo: {
        shardId: 'shardId-00000001573689847184-864758bb',
        startSequenceNumber: numbers[0],
        endSequenceNumber: numbers.at(-1),
        approximateArrivalOfFirstRecord: '2026-11-28T00:13:19Z',
        approximateArrivalOfLastRecord: '2026-11-28T00:13:19Z',
        batchSize: records.length,
        streamArn: 'arn:aws:dynamodb:eu-central-1:123456789012:table/events/stream/2026-11-14T17:26:42.097',
        ...shard,
      },
      ...(withoutPayload ? {} : { payload: asObject ? payload : JSON.stringify(payload) }),
    }),
  );
}

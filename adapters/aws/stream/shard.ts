import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import {
  DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
  ResourceNotFoundException,
  type _Record as StreamRecord,
  TrimmedDataAccessException,
} from '@aws-sdk/client-dynamodb-streams';
import { observed, timeouts } from '../clients/clients.ts';
import { lazily } from '../clients/lazily.ts';
import { callService } from '../clients/service-error.ts';
import type { ShardRange } from './failed-batch.ts';

/** The client of DynamoDB Streams: 3 attempts of at most 3 s. */
const streams = lazily(() => observed(new DynamoDBStreamsClient(timeouts(3_000))));

/** A request returns at most this many records, or 1 MB. */
const PAGE = 1_000;
/** A page may be empty although records follow, and an open shard has no last page. So the number of pages is limited. */
const MAX_PAGES = 50;

/**
 * Reads the records of a batch from the stream, in the form in which Lambda delivers them.
 * @returns undefined when the stream does not hold all of them any more: it drops records after 24 hours
 * @throws UnavailableError on every outage
 */
export async function readShard(range: ShardRange, client = streams()): Promise<unknown[] | undefined> {
  const { streamArn: StreamArn, shardId: ShardId, from: SequenceNumber } = range;
  const start = new GetShardIteratorCommand({
    ...{ StreamArn, ShardId, SequenceNumber },
    ShardIteratorType: 'AT_SEQUENCE_NUMBER',
  });
  const found: StreamRecord[] = [];
  try {
    let { ShardIterator } = await callStreams(() => client.send(start));
    for (let pages = 0; ShardIterator && pages < MAX_PAGES && !isWhole(found, range); pages++) {
      const next = new GetRecordsCommand({ ShardIterator, Limit: PAGE });
      const { Records = [], NextShardIterator } = await callStreams(() => client.send(next));
      const wanted = Records.filter(({ dynamodb }) => isUpTo(dynamodb?.SequenceNumber, range.to));
      found.push(...wanted);
      ShardIterator = wanted.length === Records.length ? NextShardIterator : undefined;
    }
  } catch (error) {
    if (error instanceof TrimmedDataAccessException || error instanceof ResourceNotFoundException) return undefined;
    throw error;
  }
  return isWhole(found, range) ? found.map(toLambdaRecord) : undefined;
}

/** Calls DynamoDB Streams. That records were dropped is an answer and no outage, so this error is thrown unchanged. */
async function callStreams<T>(call: () => Promise<T>): Promise<T> {
  let forgotten: Error | undefined;
  const answer = await callService('DynamoDB', async () => {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof TrimmedDataAccessException || error instanceof ResourceNotFoundException)) throw error;
      forgotten = error;
      return undefined;
    }
  });
  if (forgotten) throw forgotten;
  return answer as T;
}

const isUpTo = (number: string | undefined, last: string) => number !== undefined && BigInt(number) <= BigInt(last);
const isWhole = (found: readonly StreamRecord[], { to }: ShardRange) => found.at(-1)?.dynamodb?.SequenceNumber === to;

/** The record in the JSON of Lambda, which has binary values in base64. */
function toLambdaRecord({ eventID, eventName, userIdentity, dynamodb }: StreamRecord): unknown {
  const { Keys, NewImage, SequenceNumber } = dynamodb ?? {};
  return {
    ...{ eventID, eventName, eventSource: 'aws:dynamodb' },
    ...(userIdentity ? { userIdentity: { type: userIdentity.Type, principalId: userIdentity.PrincipalId } } : {}),
    dynamodb: { SequenceNumber, Keys: Keys && toJson(Keys), NewImage: NewImage && toJson(NewImage) },
  };
}

const toJson = (item: Record<string, AttributeValue>) =>
  Object.fromEntries(
    Object.entries(item).map(([name, value]) => [
      name,
      value.B ? { B: Buffer.from(value.B).toString('base64') } : value,
    ]),
  );

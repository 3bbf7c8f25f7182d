import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import {
  DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
  ResourceNotFoundException,
  type _Record as StreamRecord,
  TrimmedDataAccessException,
} from '@aws-sdk/client-dynamodb-streams';
import { lazily, observed, patience } from '../clients/clients.ts';
import { reaching } from '../clients/service-error.ts';
import type { ShardRange } from './failed-batch.ts';

/** The client of DynamoDB Streams: 3 attempts of at most 3 s. */
const streams = lazily(() => observed(new DynamoDBStreamsClient(patience(3_000))));

/** DynamoDB gives at most so many records, or 1 MB, at once. */
const PAGE = 1_000;
/** A page may be empty though records follow, and a shard that is written to has no last page. */
const MAX_PAGES = 50;

/**
 * The records of a batch from the stream itself, as Lambda delivers them.
 * @returns undefined when the stream has forgotten some of them, which it does after 24 hours
 * @throws UnavailableError
 */
export async function readShard(range: ShardRange, client = streams()): Promise<unknown[] | undefined> {
  const { streamArn: StreamArn, shardId: ShardId, from: SequenceNumber } = range;
  const start = new GetShardIteratorCommand({
    ...{ StreamArn, ShardId, SequenceNumber },
    ShardIteratorType: 'AT_SEQUENCE_NUMBER',
  });
  const found: StreamRecord[] = [];
  try {
    let { ShardIterator } = await asked(() => client.send(start));
    for (let pages = 0; ShardIterator && pages < MAX_PAGES && !isWhole(found, range); pages++) {
      const next = new GetRecordsCommand({ ShardIterator, Limit: PAGE });
      const { Records = [], NextShardIterator } = await asked(() => client.send(next));
      const own = Records.filter(({ dynamodb }) => isUpTo(dynamodb?.SequenceNumber, range.to));
      found.push(...own);
      ShardIterator = own.length === Records.length ? NextShardIterator : undefined;
    }
  } catch (error) {
    if (error instanceof TrimmedDataAccessException || error instanceof ResourceNotFoundException) return undefined;
    throw error;
  }
  return isWhole(found, range) ? found.map(asDelivered) : undefined;
}

/** What the stream has forgotten is an answer and no outage. */
async function asked<T>(call: () => Promise<T>): Promise<T> {
  let forgotten: Error | undefined;
  const answer = await reaching('DynamoDB', async () => {
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

/** As Lambda writes a record in JSON: binary values in base64. */
function asDelivered({ eventID, eventName, userIdentity, dynamodb }: StreamRecord): unknown {
  const { Keys, NewImage, SequenceNumber } = dynamodb ?? {};
  return {
    ...{ eventID, eventName, eventSource: 'aws:dynamodb' },
    ...(userIdentity ? { userIdentity: { type: userIdentity.Type, principalId: userIdentity.PrincipalId } } : {}),
    dynamodb: { SequenceNumber, Keys: Keys && inJson(Keys), NewImage: NewImage && inJson(NewImage) },
  };
}

const inJson = (item: Record<string, AttributeValue>) =>
  Object.fromEntries(
    Object.entries(item).map(([name, value]) => [
      name,
      value.B ? { B: Buffer.from(value.B).toString('base64') } : value,
    ]),
  );

import { randomUUID } from 'node:crypto';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import {
  DescribeStreamCommand,
  DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
  ListStreamsCommand,
  type _Record as StreamRecord,
} from '@aws-sdk/client-dynamodb-streams';
import type { APIGatewayProxyEvent, Context, DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT';
  /** The path with its query string. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text is sent unchanged, bytes as base64, as those of a binary media type, and other values as JSON. */
  readonly body?: unknown;
}

/** A request in the form of API Gateway (REST, Lambda proxy integration, IAM authorisation). */
export function apiGatewayEvent({ method, path, headers = {}, body }: HttpRequest): APIGatewayProxyEvent {
  const url = new URL(path, 'https://example.org');
  const sent: Record<string, string> = {
    Accept: '*/*',
    Host: 'a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com',
    'X-Amzn-Trace-Id': 'Root=1-6724c0de-0123456789abcdef01234567',
    'X-Forwarded-For': '203.0.113.7',
    'X-Forwarded-Proto': 'https',
    ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
    ...headers,
  };
  const names = [...new Set(url.searchParams.keys())];
  const query = Object.fromEntries(names.map((name) => [name, url.searchParams.getAll(name)]));
  const { httpMethod, requestId } = { httpMethod: method, requestId: randomUUID() };
  return {
    resource: '/{proxy+}',
    path: url.pathname,
    httpMethod,
    headers: sent,
    multiValueHeaders: Object.fromEntries(Object.entries(sent).map(([name, value]) => [name, [value]])),
    queryStringParameters:
      names.length === 0
        ? null
        : Object.fromEntries(Object.entries(query).map(([name, values]) => [name, values.at(-1)])),
    multiValueQueryStringParameters: names.length === 0 ? null : query,
    pathParameters: null,
    stageVariables: null,
    requestContext: {
      accountId: '123456789012',
      apiId: 'a1b2c3d4e5',
      authorizer: null,
      domainName: sent['Host'],
      httpMethod,
      identity: { sourceIp: '203.0.113.7', userArn: 'arn:aws:iam::123456789012:role/agent' },
      path: `/dev${url.pathname}`,
      protocol: 'HTTP/1.1',
      requestId,
      requestTimeEpoch: 1_767_603_600_000,
      resourceId: 'abc123',
      resourcePath: '/{proxy+}',
      stage: 'dev',
    } as unknown as APIGatewayProxyEvent['requestContext'],
    body: body === undefined ? null : bodyText(body),
    isBase64Encoded: body instanceof Uint8Array,
  };
}

function bodyText(body: unknown): string {
  if (typeof body === 'string') return body;
  return body instanceof Uint8Array ? Buffer.from(body).toString('base64') : JSON.stringify(body);
}

/** The context of an invocation of Lambda. */
export const lambdaContext = (): Context =>
  ({
    functionName: 'annals',
    functionVersion: '$LATEST',
    invokedFunctionArn: 'arn:aws:lambda:eu-central-1:123456789012:function:annals',
    memoryLimitInMB: '512',
    awsRequestId: randomUUID(),
    getRemainingTimeInMillis: () => 30_000,
  }) as Context;

/** All current records of the stream of a table, as Lambda delivers them. */
export async function streamEventOf(table: string): Promise<DynamoDBStreamEvent> {
  const endpoint = process.env['AWS_ENDPOINT_URL_DYNAMODB'];
  const client = new DynamoDBStreamsClient(endpoint ? { endpoint } : {});
  const { Streams } = await client.send(new ListStreamsCommand({ TableName: table }));
  const StreamArn = Streams?.[0]?.StreamArn;
  const { StreamDescription } = await client.send(new DescribeStreamCommand({ StreamArn }));
  const records: StreamRecord[] = [];
  for (const { ShardId } of StreamDescription?.Shards ?? []) {
    const start = new GetShardIteratorCommand({ StreamArn, ShardId, ShardIteratorType: 'TRIM_HORIZON' });
    let { ShardIterator } = await client.send(start);
    while (ShardIterator) {
      // An open shard never ends: an answer without records is its current end.
      const page = await client.send(new GetRecordsCommand({ ShardIterator, Limit: 1_000 }));
      records.push(...(page.Records ?? []));
      ShardIterator = page.Records?.length ? page.NextShardIterator : undefined;
    }
  }
  return { Records: records.map((record) => lambdaRecord(record, StreamArn)) };
}

function lambdaRecord({ dynamodb, eventName, eventID }: StreamRecord, eventSourceARN = ''): DynamoDBRecord {
  return {
    eventID: eventID ?? '',
    eventName: eventName ?? 'INSERT',
    eventVersion: '1.1',
    eventSource: 'aws:dynamodb',
    awsRegion: 'eu-central-1',
    dynamodb: {
      ApproximateCreationDateTime: Math.floor((dynamodb?.ApproximateCreationDateTime?.getTime() ?? 0) / 1000),
      SequenceNumber: dynamodb?.SequenceNumber ?? '',
      SizeBytes: dynamodb?.SizeBytes ?? 0,
      StreamViewType: 'NEW_IMAGE',
      ...(dynamodb?.Keys ? { Keys: inJson(dynamodb.Keys) } : {}),
      ...(dynamodb?.NewImage ? { NewImage: inJson(dynamodb.NewImage) } : {}),
    },
    eventSourceARN,
  };
}

type JsonItem = NonNullable<NonNullable<DynamoDBRecord['dynamodb']>['NewImage']>;

/** Attribute values in JSON, with binary in base64. */
function inJson(item: Record<string, AttributeValue>): JsonItem {
  const entries = Object.entries(item).map(([name, value]) => [
    name,
    value.B ? { B: Buffer.from(value.B).toString('base64') } : value,
  ]);
  return Object.fromEntries(entries);
}

import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';

/** A request to the stand-in. */
export interface S3Request {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: IncomingMessage['headers'];
}

const PAGE = 2;

/**
 * The part of S3's REST API that the adapter uses, on a free loopback port and in memory, with tiny pages. It keeps what
 * it was asked, so that a test can look. It shows that the adapter speaks the protocol as documented; the cloud lane shows it
 * against an emulator that others wrote.
 */
export async function startS3StandIn() {
  const requests: S3Request[] = [];
  const objects = new Map<string, { body: Buffer; modifiedAt: Date }>();
  const server = createServer(async (message, response) => {
    const url = new URL(message.url ?? '/', 'http://s3');
    const [, bucket, ...rest] = url.pathname.split('/').map(decodeURIComponent);
    const query = Object.fromEntries(url.searchParams);
    requests.push({ method: message.method ?? '', path: url.pathname, query, headers: message.headers });
    const body = await buffer(message);
    if (bucket !== 'objects') fail(response, 404, 'NoSuchBucket');
    else if (rest.join('/') === '') answerList(response, query);
    else answer(response, rest.join('/'), message, body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');

  function answer(response: ServerResponse, key: string, { method, headers }: IncomingMessage, body: Buffer): void {
    const held = objects.get(key);
    if (method === 'PUT') {
      const free = headers['if-none-match'] !== '*' || !held;
      if (free) objects.set(key, { body, modifiedAt: new Date() });
      if (free) response.end();
      else fail(response, 412, 'PreconditionFailed');
    } else if (method === 'GET') {
      if (held) response.setHeader('content-length', held.body.length).end(held.body);
      else fail(response, 404, 'NoSuchKey');
    } else if (method === 'DELETE') {
      objects.delete(key);
      response.writeHead(204).end();
    } else fail(response, 405, 'MethodNotAllowed');
  }

  function answerList(response: ServerResponse, query: Readonly<Record<string, string>>): void {
    const after = query['continuation-token'] ?? query['start-after'] ?? '';
    const all = [...objects.keys()].filter((key) => key.startsWith(query['prefix'] ?? '') && key > after).sort();
    const page = all.slice(0, PAGE);
    const more = all.length > page.length;
    const contents = page.map((key) => {
      const { body, modifiedAt } = objects.get(key) ?? { body: Buffer.of(), modifiedAt: new Date(0) };
      return `<Contents><Key>${key}</Key><Size>${body.length}</Size><LastModified>${modifiedAt.toISOString()}</LastModified></Contents>`;
    });
    const next = more ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : '';
    response.end(`<ListBucketResult><IsTruncated>${more}</IsTruncated>${contents.join('')}${next}</ListBucketResult>`);
  }

  const address = server.address();
  if (typeof address !== 'object' || !address) throw new Error('the stand-in has no port');
  return { endpoint: `http://127.0.0.1:${address.port}`, requests, close: () => server.close() };
}

function fail(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status).end(`<Error><Code>${code}</Code><Message>${code}</Message></Error>`);
}

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type AnnalsClient, createClient, type OnRetry } from '../../../client/client.ts';
import { servedApi } from '../../support/served-api.ts';

type Reply = (request: IncomingMessage, response: ServerResponse) => void;

const servers: { close(): void; closeAllConnections(): void }[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** Starts a server with these replies. @returns its URL */
async function serve(reply: Reply): Promise<string> {
  const server = createServer(reply).listen(0, '127.0.0.1');
  servers.push(server);
  await new Promise((resolve) => server.once('listening', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A client of a server with these replies. */
async function served(reply: Reply, timeoutMs?: number): Promise<AnnalsClient> {
  return createClient({ url: await serve(reply), timeoutMs, retry: { attempts: 1 } });
}

const event = (position: number, more: object = {}) => ({
  id: `e${position}`,
  type: 'agent.step-recorded',
  version: 1,
  timestamp: '2026-01-01T00:00:00.000Z',
  source: 'test',
  metadata: { recordedAt: '2026-01-01T00:00:00.000Z' },
  aggregateId: '1',
  aggregateType: 'agent',
  sequenceNumber: position,
  data: { agentId: '1', action: String(position) },
  position: String(position),
  ...more,
});
const page = (events: readonly object[], next: number) =>
  JSON.stringify({ events, next: String(next), caughtUp: true });
const afterOf = ({ url = '' }: IncomingMessage) => Number(new URL(url, 'http://x').searchParams.get('after') ?? 0);

/** Makes the pages of a log with this number of events, two events for each page. */
function logOf(count: number): (after: number) => string {
  return (after) => {
    const positions = [after + 1, after + 2].filter((position) => position <= count);
    return page(
      positions.map((position) => event(position)),
      Math.max(after, ...positions),
    );
  };
}

async function take(client: AnnalsClient, count: number): Promise<string[]> {
  const positions: string[] = [];
  for await (const { position } of client.follow()) {
    positions.push(position);
    if (positions.length === count) break;
  }
  return positions;
}

const faults: Record<string, (response: ServerResponse, body: string) => void> = {
  'a proxy that does not reach its server': (response) => void response.writeHead(502).end('<html>Bad Gateway</html>'),
  'a timeout of a proxy': (response) => void response.writeHead(504).end('<html>'),
  'a busy server': (response) => void response.writeHead(503, { 'retry-after': '0' }).end('{}'),
  'a limit on requests': (response) => void response.writeHead(429, { 'retry-after': '0' }).end('{}'),
  'an internal error of the server': (response) =>
    void response.writeHead(500).end(JSON.stringify({ code: 'INTERNAL', detail: 'something went wrong' })),
  'a login page of a proxy': (response) => void response.writeHead(200).end('<html>Please log in</html>'),
  'a limit of a proxy in JSON': (response) => void response.writeHead(503).end(JSON.stringify({ message: 'busy' })),
  'a connection that is cut': (response) => void response.socket?.destroy(),
  'an answer that is cut': (response, body) => {
    response.writeHead(200, { 'content-length': body.length });
    response.write(body.slice(0, body.length / 2), () => response.socket?.destroy());
  },
};

/** Answers of other servers than Annals that are no refusals. */
const strangers: Record<string, (response: ServerResponse) => void> = {
  'other JSON of a proxy': (response) => void response.end(JSON.stringify({ status: 'maintenance' })),
  'JSON null': (response) => void response.end('null'),
  'a redirect': (response) => void response.writeHead(302, { location: '/login' }).end(),
  'a proxy that does not find its server': (response) => void response.writeHead(404).end('default backend - 404'),
};

describe('following the log', () => {
  const api = servedApi();

  it.each(Object.entries(strangers))(
    'survives %s after the first page, and fails before the first page',
    async (_, stranger) => {
      let asked = 0;
      const next = logOf(5);
      const right = await served((request, response) => {
        if (asked++ % 2 === 0) response.end(next(afterOf(request)));
        else stranger(response);
      });
      expect(await take(right, 5)).toEqual(['1', '2', '3', '4', '5']);
      const wrong = await served((_, response) => stranger(response));
      await expect(take(wrong, 1)).rejects.toMatchObject({ name: 'AnnalsRequestError', isForeign: true });
    },
  );

  it.each<[number, string, Record<string, string>?]>([
    [401, '{"message":"Unauthorized"}'],
    [403, '{"message":"Forbidden"}'],
    [200, '{"events":"of a newer version"}', { 'x-correlation-id': 'c' }],
    [404, '{"code":"NOT_FOUND","detail":"no route"}'],
  ])('fails after the first page with status %d and body %s', async (status, text, headers = {}) => {
    let asked = 0;
    const client = await served((_, response) => {
      if (asked++ === 0) response.end(page([event(1)], 1));
      else response.writeHead(status, headers).end(text);
    });
    await expect(take(client, 2)).rejects.toMatchObject({ name: 'AnnalsRequestError', status });
    expect(asked).toBe(2);
  });

  it.each(Object.entries(faults))('survives %s', async (_, fault) => {
    let asked = 0;
    const next = logOf(3);
    const client = await served((request, response) => {
      const body = next(afterOf(request));
      if (asked++ % 2 === 0) fault(response, body);
      else response.end(body);
    });
    expect(await take(client, 3)).toEqual(['1', '2', '3']);
  });

  it('yields every event once and in order, with any sequence of faults', async () => {
    const kinds = fc.array(fc.constantFrom(undefined, ...Object.values(faults)), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(kinds, async (schedule) => {
        const left = [...schedule];
        const next = logOf(7);
        const client = await served((request, response) => {
          const body = next(afterOf(request));
          const fault = left.shift();
          if (fault) fault(response, body);
          else response.end(body);
        });
        expect(await take(client, 7)).toEqual(['1', '2', '3', '4', '5', '6', '7']);
      }),
      { numRuns: 10 },
    );
  });

  it('continues when the log is idle for longer than the timeout of a request', async () => {
    let asked = 0;
    const client = await served((_, response) => {
      // The server holds its answer while there is no news.
      if (asked++ === 0) setTimeout(() => response.end(page([], 0)), 300);
      else response.end(page([event(1)], 1));
    }, 50);
    expect(await take(client, 1)).toEqual(['1']);
  });

  it('yields unknown types, versions and members unchanged', async () => {
    const strange = [
      event(1, { type: 'invoice.created', data: { amount: 3 }, sealed: true }),
      event(2, { data: { agentId: '1', action: 'x', mood: 'good' }, version: 9 }),
    ];
    const client = await served((_, response) => void response.end(page(strange, 2)));
    const events: object[] = [];
    for await (const received of client.follow()) if (events.push(received) === 2) break;
    expect(events).toEqual(strange);
  });

  it('ends without an error when its signal aborts, also while it waits or retries', async () => {
    for (const reply of [
      (_: unknown, __: ServerResponse) => {},
      (_: unknown, r: ServerResponse) => void r.writeHead(503).end(),
    ]) {
      const gone = new AbortController();
      const asked = Promise.withResolvers<void>();
      const client = await served((request, response) => {
        reply(request, response);
        asked.resolve();
      });
      const following = Array.fromAsync(client.follow({ signal: gone.signal }));
      await asked.promise;
      gone.abort();
      expect(await following).toEqual([]);
    }
  });

  it('ends at `to`', async () => {
    await api.post('/agents', { agentId: 'f', agentType: 'x', configuration: {}, createdBy: 'me' });
    const client = createClient({ url: api.url() });
    await expect.poll(async () => (await client.readLog()).events.length).toBe(1);
    const [first] = (await client.readLog()).events;
    const to = first?.metadata.recordedAt ?? '';
    // Long enough ago that everything recorded by then is in the log.
    expect(await Array.fromAsync(client.follow({ to: '2020-01-01T00:00:00Z' }))).toEqual([]);
    expect((await client.readLog({ to })).events).toHaveLength(1);
  });

  it('makes few requests while events up to `to` may still arrive', async () => {
    let asked = 0;
    const client = await served((_, response) => {
      asked++;
      response.end(page([], 0));
    });
    const to = new Date(Date.now() - 7_500).toISOString();
    expect(await Array.fromAsync(client.follow({ to }))).toEqual([]);
    expect(asked).toBeLessThan(8);
  });

  it('reports each failure before its pause, and sends one request for each attempt', async () => {
    const replies = [408, 425, 503, 200].map((status) => (response: ServerResponse) => {
      response.writeHead(status, { 'retry-after': '0' }).end('<html>a proxy</html>');
    });
    let asked = 0;
    const url = await serve((_, response) => {
      const reply = replies[asked++];
      if (reply) reply(response);
      else response.end(page([event(1)], 1));
    });
    const retries: unknown[] = [];
    const client = createClient({ url }); // with the retries of its other requests
    const onRetry: OnRetry = ({ name }, { attempt, delayMs }) => {
      retries.push([name, attempt, delayMs >= 0]);
    };
    for await (const { position } of client.follow({ onRetry })) {
      expect(position).toBe('1');
      break;
    }
    expect(retries).toEqual([
      ...[1, 2, 3].map((attempt) => ['AnnalsRequestError', attempt, true]),
      ['AnnalsUnreachableError', 4, true],
    ]);
    expect(asked).toBe(5);
  }, 60_000);

  it.each([400, 401, 403, 404, 409, 421, 422])('fails with the error of a %d', async (status) => {
    const problem = { code: 'SOME_CODE', detail: 'this is why' };
    const headers = { 'content-type': 'application/problem+json' };
    const client = await served((_, response) => void response.writeHead(status, headers).end(JSON.stringify(problem)));
    const onRetry = vi.fn();
    const following = Array.fromAsync(client.follow({ onRetry }));
    await expect(following).rejects.toMatchObject({ status, code: 'SOME_CODE', detail: 'this is why' });
    expect(onRetry).not.toHaveBeenCalled();
  });
});

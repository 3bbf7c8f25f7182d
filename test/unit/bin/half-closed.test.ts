import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Server, startServer } from '../../../bin/serve/server.ts';
import { EventLog } from '../../../core/log/log.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

let server: Server;
beforeAll(async () => {
  const logger = { warn: vi.fn(), error: vi.fn() };
  server = await startServer({ port: 0, dataDir: join(temporaryFolder(), 'data'), logger });
});
afterAll(() => server.close());

/** Sends a request and shuts down the writing side of the connection. */
async function ask(target: string, method = 'GET', body = '') {
  const socket = connect({ port: Number(new URL(server.url).port), host: '127.0.0.1', allowHalfOpen: true });
  await once(socket, 'connect');
  const headers = `Host: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}`;
  socket.end(`${method} ${target} HTTP/1.1\r\n${headers}\r\n\r\n${body}`);
  return socket;
}

const agent = (agentId: string) => JSON.stringify({ agentId, agentType: 'x', createdBy: 'me', configuration: {} });

describe('a client that shuts down its writing side', () => {
  it.each(['/events?limit=5', '/events?wait=1', '/health', '/events/stream?to=2020-01-01T00:00:00Z'])(
    'gets the answer to %s',
    async (target) => {
      const answer = await text(await ask(target));
      expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
      expect(answer.split('\r\n\r\n')[1]).not.toBe('');
    },
  );

  it('gets the answer to a write', async () => {
    expect(await text(await ask('/agents', 'POST', agent('half')))).toMatch(/^HTTP\/1\.1 201 /);
  });

  it('gets events that arrive while it waits, also after probes', async () => {
    const end = (await (await fetch(`${server.url}/events?limit=1000`)).json()).next;
    const socket = await ask(`/events?wait=20&after=${end}`);
    let received = '';
    socket.on('data', (chunk) => {
      received += chunk;
    });
    await expect.poll(() => received, { timeout: 15_000 }).toContain('HTTP/1.1 100 Continue\r\n\r\n');
    await text(await ask('/agents', 'POST', agent('later')));
    await expect.poll(() => received).toContain('"agentId":"later"');
    expect(received).toMatch(/^(HTTP\/1\.1 100 Continue\r\n\r\n)+HTTP\/1\.1 200 OK\r\n/);
  }, 30_000);

  it('gets complete answers to two requests', async () => {
    const socket = connect({ port: Number(new URL(server.url).port), host: '127.0.0.1', allowHalfOpen: true });
    await once(socket, 'connect');
    const of = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
    socket.end(of('/events?wait=1') + of('/health'));
    expect((await text(socket)).match(/HTTP\/1\.1 200 OK/g)).toHaveLength(2);
  });

  it('gets new events of the stream while it reads', async () => {
    const socket = await ask('/events/stream');
    let received = '';
    socket.on('data', (chunk) => {
      received += chunk;
    });
    await expect.poll(() => received).toContain(':\n\n');
    await text(await ask('/agents', 'POST', agent('news')));
    await expect.poll(() => received).toContain('"agentId":"news"');
    socket.destroy();
  });
});

describe('a follower that leaves', () => {
  it.each(['/events/stream?', '/events?wait=20&'])('is removed long before the end of its wait: %s', async (path) => {
    const waiting = vi.spyOn(EventLog.prototype, 'getEventsAfter');
    const end = (await (await fetch(`${server.url}/events?limit=1000`)).json()).next;
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    await once(socket, 'connect');
    socket.write(`GET ${path}after=${end} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    const held = () => waiting.mock.calls.map(([, options]) => options).findLast((options) => options?.waitMs);
    await expect.poll(() => held()?.waitMs).toBeGreaterThan(0);
    socket.resume().end();
    socket.destroy();
    await expect.poll(() => held()?.signal?.aborted, { timeout: 15_000 }).toBe(true);
    waiting.mockRestore();
  });
});

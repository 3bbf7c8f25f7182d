import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Server, startServer } from '../../../bin/serve/server.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const logger = { warn: () => {}, error: () => {} };
let server: Server;
let port: number;
beforeAll(async () => {
  const dataDir = join(temporaryFolder(), 'data');
  server = await startServer({ port: 0, dataDir, logger, allowedHosts: ['annals.example.com'] });
  port = Number(new URL(server.url).port);
});
afterAll(() => server.close());

/** Sends exactly these lines, because `fetch` sets some headers itself. @returns the status of the answer */
async function send(lines: readonly string[], body = ''): Promise<number> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const length = body === '' ? [] : [`Content-Length: ${body.length}`];
  socket.write([...lines, ...length, 'Connection: close', '', body].join('\r\n'));
  return Number((await text(socket)).split(' ')[1]);
}

const get = (host: string, ...headers: string[]) => send(['GET /events HTTP/1.1', `Host: ${host}`, ...headers]);
const rebuild = (...headers: string[]) =>
  send(['POST /projections/agent-status/rebuilds HTTP/1.1', `Host: localhost:${port}`, ...headers], '{}');

describe('the check of hosts and origins', () => {
  it.each(['localhost', 'LOCALHOST.', 'annals.localhost', '127.0.0.1', '127.9.8.7', '[::1]', 'annals.example.com'])(
    'accepts requests to the host %s',
    async (name) => {
      expect(await get(`${name}:4700`)).toBe(200);
      expect(await get(name)).toBe(200);
    },
  );

  it.each([
    'evil.example.com',
    'evil.example.com:4700',
    'localhost.evil.example.com',
    'notlocalhost',
    '192.168.0.7',
    '0.0.0.0',
    '127.0.0.1.evil.example.com',
    'user@localhost',
    'localhost, evil.example.com',
  ])('refuses requests to the host %s', async (name) => {
    expect([400, 403]).toContain(await get(name));
  });

  it('refuses another host in the target, and a missing or second Host header', async () => {
    expect(await send(['GET http://evil.example.com/events HTTP/1.1', 'Host: localhost'])).toBe(403);
    expect([400, 403]).toContain(await get('evil.example.com', 'Host: localhost'));
    expect(await send(['GET /events HTTP/1.1'])).toBe(400);
  });

  it.each([
    ['Origin: https://evil.example.com'],
    ['Origin: null'],
    ['Origin: http://localhost:1'],
    ['Sec-Fetch-Site: cross-site'],
    ['Sec-Fetch-Site: same-site'],
    ['Origin: https://evil.example.com', 'Content-Type: text/plain'],
    ['Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: document'],
  ])('refuses a POST from a page of another site: %s', async (...headers) => {
    expect(await rebuild(...headers)).toBe(403);
    expect((await (await fetch(`${server.url}/replays`)).json()).replays).toEqual([]);
  });

  it('refuses reads by another site, and accepts links from it', async () => {
    expect(await get('localhost', 'Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: no-cors')).toBe(403);
    const link = ['Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: document'];
    expect(await get('localhost', 'Sec-Fetch-Site: cross-site', ...link)).toBe(200);
  });

  it('accepts pages of the same origin and of allowed hosts', async () => {
    expect(await get(`localhost:${port}`, `Origin: http://localhost:${port}`, 'Sec-Fetch-Site: same-origin')).toBe(200);
    expect(await get('localhost', 'Origin: https://annals.example.com', 'Sec-Fetch-Site: cross-site')).toBe(200);
    expect(await rebuild(`Origin: http://localhost:${port}`, 'Content-Type: application/json')).not.toBe(403);
  });
});

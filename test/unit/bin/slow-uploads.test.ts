import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Server, startServer } from '../../../bin/serve/server.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const MB = 1024 * 1024;

describe('slow uploads', () => {
  const dataDir = join(temporaryFolder(), 'data');
  const logger = { warn: vi.fn(), error: vi.fn() };
  let server: Server;
  const sockets: Socket[] = [];
  beforeAll(async () => {
    server = await startServer({ port: 0, dataDir, logger, uploadMs: 3_000 });
  });
  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    await server.close();
  });

  /** Sends the beginning of a request, and nothing more. */
  async function halfOpen(text: string, { url } = server): Promise<{ socket: Socket; answered: Promise<string> }> {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    sockets.push(socket);
    socket.on('error', () => {}); // the server closes it during a write
    await once(socket, 'connect');
    const answered = (async () => {
      let answer = '';
      for await (const chunk of socket) answer += chunk;
      return answer;
    })();
    answered.catch(() => {});
    const sent = new Promise((resolve) => socket.on('drain', resolve).on('close', resolve));
    if (!socket.write(text)) await sent;
    return { socket, answered };
  }

  const head = (bytes: number) =>
    `POST /agents HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${bytes}\r\n\r\n`;

  it('end with 408, in the headers and in the body', async () => {
    const inHeaders = await halfOpen('POST /agents HTTP/1.1\r\nHost: loc');
    const inBody = await halfOpen(`${head(1_000)}{"agentType":`);
    expect(await inHeaders.answered).toContain('408 Request Timeout');
    expect(await inBody.answered).toContain('408 Request Timeout');
  });

  it('share a limit of memory: small requests are answered at the same time, a large request after they have ended', async () => {
    const patient = await startServer({ port: 0, dataDir: join(temporaryFolder(), 'data'), logger });
    const create = (text: string) => {
      const agent = { agentType: 'coder', createdBy: 'me', configuration: { text } };
      const options = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(agent) };
      return fetch(`${patient.url}/agents`, options);
    };
    const large = async (status: number) => {
      const answer = await create('x'.repeat(2 * MB));
      expect(answer.status).toBe(status);
      return answer;
    };
    try {
      const body = `{"agentType":"${'x'.repeat(MB)}`;
      // 70 of these do not fit into 64 MB. After the first refusal, less than 1 MB stays free.
      const uploads = await Promise.all(Array.from({ length: 70 }, () => halfOpen(head(4.5 * MB) + body, patient)));
      expect(await Promise.race(uploads.map(({ answered }) => answered))).toContain('503 Service Unavailable');
      const refused = await large(503);
      expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
      expect((await create('x')).status).toBe(201);
      for (const { socket } of uploads) socket.destroy();
      await vi.waitFor(() => large(201));
    } finally {
      await patient.close();
    }
  });

  it('do not keep idle connections open', async () => {
    const quick = await startServer({ port: 0, dataDir: join(temporaryFolder(), 'data'), logger, silenceMs: 300 });
    try {
      const { body } = await fetch(`${quick.url}/events/stream`);
      const read = async () => {
        for await (const _ of body ?? []);
      };
      await expect(read()).rejects.toThrow();
    } finally {
      await quick.close();
    }
  });

  it('do not include a long poll', async () => {
    const { next } = await (await fetch(`${server.url}/events?limit=1000`)).json();
    const { status } = await fetch(`${server.url}/events?after=${next}&wait=5`);
    expect(status).toBe(200);
  });
});

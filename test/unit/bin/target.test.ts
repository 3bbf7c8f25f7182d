import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';

/** Runs a command against a server that refuses everything. @returns the headers of its requests */
async function headersOf(...args: string[]): Promise<readonly IncomingHttpHeaders[]> {
  const seen: IncomingHttpHeaders[] = [];
  const server = createServer(({ headers }, response) => {
    seen.push(headers);
    response.writeHead(403).end('{}');
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const env = { ...process.env, AWS_ACCESS_KEY_ID: 'AKID', AWS_SECRET_ACCESS_KEY: 'secret', AWS_SESSION_TOKEN: '' };
  const command = execFile(process.execPath, ['bin/annals.ts', ...args, '--url', url], { env });
  await once(command, 'exit');
  return seen;
}

it.each([
  { command: ['travel', 'agent-42', '--to-version', '1'] },
  { command: ['verify'] },
  { command: ['redrive', 'batches'] },
])('$command signs its requests and sends the key of the client', async ({ command }) => {
  const [headers] = await headersOf(...command, '--region', 'eu-central-1', '--api-key', 'the-key');
  expect(headers).toMatchObject({
    'x-api-key': 'the-key',
    authorization: expect.stringContaining('/eu-central-1/execute-api/aws4_request'),
  });
});

it('requests without a region have neither a signature nor a key', async () => {
  const [headers] = await headersOf('travel', 'agent-42', '--to-version', '1');
  expect(headers).not.toHaveProperty('authorization');
  expect(headers).not.toHaveProperty('x-api-key');
});

import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { regionOfApi, signedFetch } from '../../../../adapters/aws/signed-fetch.ts';

let received: { headers: IncomingMessage['headers']; body: string } | undefined;
const server = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  received = { headers: request.headers, body };
  response.end('{}');
});

beforeEach(async () => {
  received = undefined;
  await once(server.listen(0, '127.0.0.1'), 'listening');
});
afterEach(() => void server.close());

const url = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/agents`;

describe('signedFetch', () => {
  it('signs with the credentials of the moment, and sends the body as it is', async () => {
    const fetch = signedFetch({
      region: 'eu-central-1',
      credentials: async () => ({ accessKeyId: 'AKID', secretAccessKey: 'secret', sessionToken: 'token' }),
    });
    const body = '{"agentType":"coder 🦊"}';
    await fetch(new Request(url(), { method: 'POST', body, headers: { 'content-type': 'application/json' } }));
    expect(received?.body).toBe(body);
    expect(received?.headers['authorization']).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKID\/\d{8}\/eu-central-1\/execute-api\/aws4_request, SignedHeaders=/,
    );
    expect(received?.headers['x-amz-security-token']).toBe('token');
  });

  it('takes the credentials of the environment when none are given', async () => {
    await signedFetch({ region: 'eu-central-1' })(new Request(url()));
    expect(received?.headers['authorization']).toContain(`Credential=${process.env['AWS_ACCESS_KEY_ID']}/`);
  });

  it('fails before sending anything when there are no credentials', async () => {
    const fetch = signedFetch({ region: 'x', credentials: async () => Promise.reject(new Error('none found')) });
    await expect(fetch(new Request(url()))).rejects.toThrow('none found');
    expect(received).toBeUndefined();
  });
});

describe('regionOfApi', () => {
  it('knows API Gateway’s hosts', () => {
    expect(regionOfApi('https://abc123.execute-api.eu-central-1.amazonaws.com/dev/')).toBe('eu-central-1');
    expect(regionOfApi('http://127.0.0.1:4700')).toBeUndefined();
    expect(regionOfApi('https://execute-api.eu-central-1.amazonaws.com.evil.example/')).toBeUndefined();
  });
});

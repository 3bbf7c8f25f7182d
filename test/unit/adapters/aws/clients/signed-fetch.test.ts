import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SignatureV4 } from '@smithy/signature-v4';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { regionOfApi, signedFetch } from '../../../../../adapters/aws/clients/signed-fetch.ts';

let received: { url: string; headers: IncomingMessage['headers']; body: string } | undefined;
const server = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  received = { url: request.url ?? '', headers: request.headers, body };
  response.end('{}');
});

beforeEach(async () => {
  received = undefined;
  await once(server.listen(0, '127.0.0.1'), 'listening');
});
afterEach(() => void server.close());

class Sha256 {
  readonly #hash;
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', Buffer.from(secret as Uint8Array));
  }
  update(data: Uint8Array): void {
    this.#hash.update(data);
  }
  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }
}

/** What the signer of AWS's SDK makes of the request that came, signing the same headers at the same second. */
async function authorizationOfAws(method: string, credentials: { accessKeyId: string; secretAccessKey: string }) {
  const { headers = {}, body, url: target = '' } = received ?? {};
  const [, names = ''] = /SignedHeaders=([^,]+)/.exec(headers['authorization'] ?? '') ?? [];
  const signed = Object.fromEntries(names.split(';').map((name) => [name, String(headers[name])]));
  const { pathname, searchParams, port } = new URL(target, url());
  const signer = new SignatureV4({
    service: 'execute-api',
    region: 'eu-central-1',
    credentials,
    sha256: Sha256,
    applyChecksum: false,
  });
  const { 'x-amz-date': date = '' } = signed;
  const signingDate = new Date(date.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  const query = Object.fromEntries(searchParams);
  const request = { method, protocol: 'http:', hostname: '127.0.0.1', port: Number(port), path: pathname, query, body };
  const result = await signer.sign({ ...request, headers: signed }, { signingDate });
  return result.headers['authorization'];
}

const url = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/agents`;

describe('signedFetch', () => {
  it('signs with the current credentials, and sends the body unchanged', async () => {
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

  it.each(['/agents', '/agents/a%3Ab~c?waitFor=1&at=', '/agents?cursor=a%2Fb%3D%3D&state=idle&limit=5'])(
    'signs %s as AWS does',
    async (path) => {
      const credentials = { accessKeyId: 'AKID', secretAccessKey: 'secret', sessionToken: 'token' };
      const fetch = signedFetch({ region: 'eu-central-1', credentials: async () => credentials, apiKey: 'key' });
      const body = path === '/agents' ? '{"agentType":"coder 🦊"}' : undefined;
      const init = body ? { method: 'POST', body, headers: { 'content-type': 'application/json' } } : {};
      await fetch(new Request(url().replace('/agents', path), init));
      expect(received?.headers['x-api-key']).toBe('key');
      expect(received?.headers['authorization']).toBe(await authorizationOfAws(init.method ?? 'GET', credentials));
    },
  );

  it('takes the credentials of the environment by default', async () => {
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
  it('recognises the hosts of API Gateway', () => {
    expect(regionOfApi('https://abc123.execute-api.eu-central-1.amazonaws.com/dev/')).toBe('eu-central-1');
    expect(regionOfApi('http://127.0.0.1:4700')).toBeUndefined();
    expect(regionOfApi('https://execute-api.eu-central-1.amazonaws.com.evil.example/')).toBeUndefined();
  });
});

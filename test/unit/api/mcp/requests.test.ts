import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Server, startServer } from '../../../../bin/serve/server.ts';
import invoices from '../../../own-domain/app.ts';
import { mcpOverHttp } from '../../../support/mcp-client.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const logger = { warn: vi.fn(), error: vi.fn() };
let server: Server;
beforeAll(async () => {
  server = await startServer({ port: 0, dataDir: join(temporaryFolder(), 'data'), logger, annals: invoices });
});
afterAll(() => server.close());

const _meta = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
};
const discover = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'server/discover', params: { _meta } });

async function send(body: string | null, headers: Readonly<Record<string, string>> = {}, method = 'POST') {
  const common = {
    'Content-Type': 'application/json',
    Accept: 'application/json, text/event-stream',
    'MCP-Protocol-Version': '2026-07-28',
    'Mcp-Method': 'server/discover',
  };
  const response = await fetch(`${server.url}/mcp`, { method, body, headers: { ...common, ...headers } });
  const text = await response.text();
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
}

describe('POST /mcp', () => {
  it('answers a request without a session', async () => {
    const { status, body } = await send(discover);
    expect(status).toBe(200);
    expect(body.result.supportedVersions).toContain('2026-07-28');
    expect(body.result.capabilities).toHaveProperty('tools');
  });

  it('stands behind the door of the server: pages of other sites and foreign names are refused', async () => {
    expect(await send(discover, { Origin: 'https://evil.example.com' })).toMatchObject({
      status: 403,
      body: { code: 'FORBIDDEN' },
    });
    expect((await send(discover, { 'Sec-Fetch-Site': 'cross-site' })).status).toBe(403);
    expect((await send(discover, { Origin: server.url })).status).toBe(200);
  });

  it('reads bodies as strictly as the API, and answers faults by JSON-RPC', async () => {
    expect(await send('{')).toMatchObject({ status: 400, body: { id: null, error: { code: -32700 } } });
    const twice = discover.replace('"id":1', '"id":1,"id":2');
    expect(await send(twice)).toMatchObject({ status: 400, body: { error: { code: -32700 } } });
    expect((await send(discover, { 'Content-Type': 'text/plain' })).status).toBe(415);
    expect(await send(discover, { 'Mcp-Method': 'tools/list' })).toMatchObject({
      status: 400,
      body: { error: { code: -32020 } },
    });
    expect((await send(null, {}, 'GET')).status).toBe(405);
    expect(logger.error).not.toHaveBeenCalled();
    const refused = expect.objectContaining({ reason: expect.stringContaining('Mcp-Method') });
    expect(logger.warn).toHaveBeenCalledWith('a request of MCP was refused', refused);
  });

  it('does not wait for news, because the lists never change', async () => {
    const listen = discover.replace('server/discover', 'subscriptions/listen');
    const { body } = await send(listen, { 'Mcp-Method': 'subscriptions/listen' });
    expect(body).toHaveProperty('error');
  });
});

it('an application has tools from its commands and views', async () => {
  const { client, call } = await mcpOverHttp(server.url, '2026-07-28');
  const { tools } = await client.listTools();
  expect(tools.map(({ name }) => name)).toEqual([
    ...['list_invoices', 'get_invoice', 'read_history', 'search_history', 'diff_invoices'],
    ...['create_invoice', 'pay_invoice', 'refuse_invoice', 'read_log'],
  ]);
  await call('create_invoice', { invoiceId: '7', customer: 'acme', cents: 500 });
  expect((await call('pay_invoice', { invoiceId: '7' })).body).toMatchObject({ invoiceId: '7' });
  await vi.waitFor(async () => expect((await call('get_invoice', { invoiceId: '7' })).body.state).toBe('paid'));
  expect((await call('list_invoices', { state: 'paid' })).body).toMatchObject({ invoices: [{ state: 'paid' }] });
});

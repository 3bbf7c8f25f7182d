import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { expect, it } from 'vitest';
import { startServer } from '../../../bin/serve/server.ts';
import { type McpProtocol, mcpClient, protocols } from '../../support/mcp-client.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const logger = { warn: () => {}, error: () => {} };
const agent = { agentType: 'coder', configuration: {}, createdBy: 'test' };

const annalsMcp = (protocol: McpProtocol, ...args: string[]) =>
  mcpClient(
    protocol,
    new StdioClientTransport({ command: process.execPath, args: ['bin/annals.ts', 'mcp', ...args], cwd: ROOT }),
  );

it.each(Object.keys(protocols) as McpProtocol[])(
  'annals mcp opens a data folder, and the next process finds what it wrote, by the protocol of %s',
  async (protocol) => {
    const data = join(temporaryFolder(), 'data');
    const first = await annalsMcp(protocol, '--data', data);
    expect((await first.call('create_agent', { ...agent, agentId: '42' })).body).toEqual({ agentId: '42', version: 1 });
    await first.client.close();

    const second = await annalsMcp(protocol, '--data', data);
    expect((await second.call('read_history', { streamId: 'agent-42' })).body).toMatchObject({ version: 1 });
    await second.client.close();
  },
);

it('annals mcp asks a running server, and says how to start a missing server', async () => {
  const server = await startServer({ port: 0, dataDir: join(temporaryFolder(), 'data'), logger });
  const { client, call } = await annalsMcp('2026-07-28', '--url', server.url);
  await call('create_agent', { ...agent, agentId: '43' });
  const answer = await fetch(`${server.url}/agents/43`);
  expect(answer.status).toBe(200);
  await server.close();
  const gone = await call('get_agent', { agentId: '43' });
  expect(gone.isError).toBe(true);
  expect(gone.text).toContain('annals serve');
  await client.close();
});

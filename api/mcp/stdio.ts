import { once } from 'node:events';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import type { Fetch } from './call.ts';
import { mcpServers } from './mcp-server.ts';
import type { Mcp } from './tool.ts';

/**
 * Serves tools over standard input and output, until the input ends. Nothing else may write to standard output.
 * @param fetch sends the requests of the tools
 * @param onerror sees faults of the connection
 */
export async function serveMcpOverStdio<Deps>(mcp: Mcp<Deps>, fetch: Fetch, onerror: (error: Error) => void) {
  const serverFor = mcpServers(mcp);
  const connection = serveStdio(() => serverFor(fetch), { maxSubscriptions: 0, onerror });
  await once(process.stdin, 'close');
  await connection.close();
}

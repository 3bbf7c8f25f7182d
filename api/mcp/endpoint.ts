import { createMcpHandler } from '@modelcontextprotocol/server';
import { type AppDeps, createApp } from '../http/app.ts';
import { mcpServers } from './mcp-server.ts';
import type { Mcp } from './tool.ts';

/** Headers of a request to MCP that belong to the requests which its tools make. */
const CONTEXT = ['X-Correlation-Id', 'X-Causation-Id', 'X-Amzn-Trace-Id'];

/**
 * Answers requests of MCP, of both its protocols: 2026-07-28, whose requests stand alone, and that of 2025 with its
 * `initialize`. A tool is a request to an application of the same routes, so it has the checks and errors of HTTP.
 */
export function mcpEndpoint<Deps extends AppDeps>(mcp: Mcp<Deps>, deps: Deps) {
  const app = createApp(mcp.routes, deps);
  const serverFor = mcpServers(mcp);
  const handler = createMcpHandler(
    ({ requestInfo }) =>
      serverFor((path, init) => {
        const headers = new Headers(init.headers);
        for (const name of CONTEXT) copyHeader(name, requestInfo?.headers, headers);
        return app.request(path, { ...init, headers });
      }),
    {
      maxSubscriptions: 0, // the lists of tools and resources never change
      onerror: (error) => deps.logger?.error('a request of MCP failed', { error }),
    },
  );
  return (request: Request, parsedBody: unknown) => handler.fetch(request, { parsedBody });
}

function copyHeader(name: string, from: Headers | undefined, to: Headers): void {
  const value = from?.get(name);
  if (value && !to.has(name)) to.set(name, value);
}

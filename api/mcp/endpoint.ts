import { AsyncLocalStorage } from 'node:async_hooks';
import { createMcpHandler } from '@modelcontextprotocol/server';
import { type AppDeps, createApp } from '../http/app.ts';
import { mcpServers } from './mcp-server.ts';
import type { Mcp } from './tool.ts';

/** Headers of a request to MCP that belong to the requests which its tools make. */
const CONTEXT = ['X-Correlation-Id', 'X-Causation-Id', 'X-Amzn-Trace-Id'];

/** Most characters of what the protocol says about a refused request; some of it comes from the client. */
const MAX_REASON = 500;

/**
 * Answers requests of MCP, of both its protocols: 2026-07-28, whose requests stand alone, and that of 2025 with its
 * `initialize`. A tool is a request to an application of the same routes, so it has the checks and errors of HTTP.
 */
export function mcpEndpoint<Deps extends AppDeps>(mcp: Mcp<Deps>, deps: Deps) {
  const app = createApp(mcp.routes, deps);
  const serverFor = mcpServers(mcp);
  const faultsOfRequest = new AsyncLocalStorage<Error[]>();
  const failed = (error: Error) => deps.logger?.error('a request of MCP failed', { error });
  const handler = createMcpHandler(
    ({ requestInfo }) =>
      serverFor((path, init) => {
        const headers = new Headers(init.headers);
        for (const name of CONTEXT) copyHeader(name, requestInfo?.headers, headers);
        return app.request(path, { ...init, headers });
      }),
    {
      maxSubscriptions: 0, // the lists of tools and resources never change
      onerror(error) {
        const faults = faultsOfRequest.getStore();
        if (faults) faults.push(error);
        else failed(error);
      },
    },
  );
  return async (request: Request, parsedBody: unknown) => {
    const faults: Error[] = [];
    const response = await faultsOfRequest.run(faults, () => handler.fetch(request, { parsedBody }));
    // The protocol reports faults of clients as errors, too. The status of the answer tells whose fault it is.
    for (const error of faults) {
      if (response.status >= 500) failed(error);
      else deps.logger?.warn?.('a request of MCP was refused', { reason: error.message.slice(0, MAX_REASON) });
    }
    return response;
  };
}

function copyHeader(name: string, from: Headers | undefined, to: Headers): void {
  const value = from?.get(name);
  if (value && !to.has(name)) to.set(name, value);
}

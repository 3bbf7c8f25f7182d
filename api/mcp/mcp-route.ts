import * as z from 'zod';
import type { AppDeps } from '../http/app.ts';
import { readJsonBody } from '../http/json-body.ts';
import { RequestError } from '../http/problem.ts';
import type { Answer, Route, RoutedRequest } from '../http/route.ts';
import { Upload } from '../http/uploads.ts';
import type { Mcp } from './tool.ts';

/** Code of JSON-RPC for a body that is no JSON. */
const PARSE_ERROR = -32700;

/**
 * `POST /mcp`: the routes as tools, by the streamable HTTP transport of MCP. No request depends on an earlier request, and
 * every answer is whole, so each process can answer each request. Most processes serve no agents, so the first request loads
 * the protocol and makes the tools.
 */
export function mcpRoute<Deps extends AppDeps>(mcp: () => Mcp<Deps>): Route<Deps> {
  let endpoint: Promise<(request: Request, body: unknown) => Promise<Response>> | undefined;
  return {
    name: 'callMcp',
    method: 'POST',
    path: '/mcp',
    summary: 'The tools of agents, by the Model Context Protocol',
    protocol: 'MCP',
    answer: z.unknown(),
    statuses: { 200: 'The answer of the protocol', 202: 'A notification, taken' },
    async respond(request, deps) {
      const upload = new Upload();
      try {
        const body = await readJsonBody(request.raw, upload);
        endpoint ??= import('./endpoint.ts').then(({ mcpEndpoint }) => mcpEndpoint(mcp(), deps));
        return await answerOf(await (await endpoint)(inContext(request), body));
      } catch (error) {
        if (error instanceof RequestError && error.code === 'MALFORMED_JSON') return malformed(error.message);
        throw error;
      } finally {
        upload.release();
      }
    },
  };
}

/** The request without its body, which is read already, and with the correlation id for what the tools do. */
function inContext({ raw, context }: RoutedRequest): Request {
  const headers = new Headers(raw.headers);
  headers.set('X-Correlation-Id', context.correlationId);
  return new Request(raw.url, { method: 'POST', headers, signal: raw.signal });
}

async function answerOf(response: Response): Promise<Answer> {
  const type = response.headers.get('Content-Type');
  return {
    status: response.status as Answer['status'],
    body: new Uint8Array(await response.arrayBuffer()),
    headers: type === null ? {} : { 'Content-Type': type },
  };
}

const malformed = (message: string): Answer => ({
  status: 400,
  body: { jsonrpc: '2.0', id: null, error: { code: PARSE_ERROR, message } },
});

import {
  McpServer,
  ProtocolError,
  ProtocolErrorCode,
  ResourceNotFoundError,
  ResourceTemplate,
} from '@modelcontextprotocol/server';
import manifest from '../../package.json' with { type: 'json' };
import type { RouteDeclaration } from '../http/route.ts';
import { callTool, type Fetch } from './call.ts';

import { type Arguments, type Mcp, type Tool, toolOf } from './tool.ts';

const INSTRUCTIONS = `Annals keeps what agents do as events, which nobody changes.
Tools whose names begin with list_, get_, read_, search_ and diff_ read; the others append events.
Lists end with \`next\`: give it as \`cursor\`, or as \`after\` of read_log, to read on. It is null on the last page.
A command may be repeated with the same idempotencyKey: it writes once.`;

/** Makes servers of an application: one for each request over HTTP, one for each connection over standard input. */
export function mcpServers<Deps>({ routes, names }: Mcp<Deps>): (fetch: Fetch) => McpServer {
  const tools = routes.map((route) => toolOf(route, names[route.name] ?? snakeCase(route.name)));
  return (fetch) => {
    const server = new McpServer({ name: 'annals', version: manifest.version }, { instructions: INSTRUCTIONS });
    for (const tool of tools) {
      addTool(server, tool, fetch);
      if (isResource(tool.route)) addResource(server, tool, fetch);
    }
    return server;
  };
}

const snakeCase = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

function addTool(server: McpServer, tool: Tool, fetch: Fetch): void {
  const { name, description, readOnly, schema } = tool;
  const annotations = {
    readOnlyHint: readOnly,
    destructiveHint: false,
    idempotentHint: readOnly,
    openWorldHint: false,
  };
  const inputSchema = {
    '~standard': {
      version: 1,
      vendor: 'annals',
      // The route checks the arguments, so that its errors are those of HTTP.
      validate: (value: unknown) => ({ value }),
      jsonSchema: { input: () => schema, output: () => schema },
    },
  } as const;
  server.registerTool(name, { description, inputSchema, annotations }, async (given, { mcpReq }) => {
    const { text, isError } = await callTool(tool, given as Arguments, fetch, mcpReq.signal);
    return { content: [{ type: 'text', text }], ...(isError ? { isError } : {}) };
  });
}

/** A view or a history: its path is a name and an id. */
const isResource = ({ method, path }: RouteDeclaration) =>
  method === 'GET' && /^\/[^/]+\/\{\w+\}(\/events)?$/.test(path);

/** Adds `annals://agents/{agentId}`, and `annals://streams/{streamId}` for the latest events of a stream. */
function addResource(server: McpServer, tool: Tool, fetch: Fetch): void {
  const { name, description, route } = tool;
  const isHistory = route.path.endsWith('/events');
  const template = new ResourceTemplate(`annals:/${route.path.replace('/events', '')}`, { list: undefined });
  const mimeType = 'application/json';
  const about = isHistory ? `${description} As a resource: the latest events, newest first.` : description;
  server.registerResource(name, template, { description: about, mimeType }, async (uri, ids, { mcpReq }) => {
    const given = isHistory ? { ...ids, direction: 'backward' } : ids;
    const { text, isError, status } = await callTool(tool, given, fetch, mcpReq.signal);
    if (status === 404) throw new ResourceNotFoundError(uri.href, text);
    if (isError) throw new ProtocolError(ProtocolErrorCode.InvalidParams, text);
    return { contents: [{ uri: uri.href, mimeType, text }] };
  });
}

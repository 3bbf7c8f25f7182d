import { Client, StreamableHTTPClientTransport, type Transport } from '@modelcontextprotocol/client';

/** The protocols of MCP: of 2026, where each request stands alone, and of 2025, which begins with `initialize`. */
export const protocols = { '2026-07-28': { pin: '2026-07-28' }, '2025-11-25': 'legacy' } as const;
export type McpProtocol = keyof typeof protocols;

/** Answer of a tool: its text, parsed when it is no error. */
interface ToolReply {
  readonly isError: boolean;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests read any JSON
  readonly body: any;
}

/** The official client of MCP, connected by a transport. */
export async function mcpClient(protocol: McpProtocol, transport: Transport) {
  const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode: protocols[protocol] } });
  await client.connect(transport);
  return {
    client,
    async call(name: string, given: Record<string, unknown> = {}): Promise<ToolReply> {
      const { content, isError = false } = await client.callTool({ name, arguments: given });
      const text = content.map((part) => (part.type === 'text' ? part.text : '')).join('');
      return { isError, text, body: isError ? undefined : JSON.parse(text) };
    },
  };
}

/** The client of a server over HTTP. */
export const mcpOverHttp = (url: string, protocol: McpProtocol, headers: Readonly<Record<string, string>> = {}) =>
  mcpClient(protocol, new StreamableHTTPClientTransport(new URL('/mcp', url), { requestInit: { headers } }));

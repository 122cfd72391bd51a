import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import {
  CallToolRequestSchema,
  type CallToolResult,
  ListResourcesRequestSchema,
  ListToolsRequestSchema,
  ReadResourceRequestSchema,
  type Resource,
  type Tool,
} from '@modelcontextprotocol/sdk/types.js';
import type { ScriptedHttp } from '../../platform/mcp-client/scripted-http.ts';

export interface CallSeen {
  name: string;
  arguments: Record<string, unknown>;
  headers: IncomingHttpHeaders;
}

export interface ToolServer {
  origin: string;
  url: string;
  /** What stands before everything else, and whether it answered. */
  first: ScriptedHttp['first'];
  /** What it offers. May be changed at any time. */
  tools: Tool[];
  resources: Resource[];
  /** What calls come to. @default the name, the arguments and the headers, as JSON */
  answer: (seen: CallSeen) => CallToolResult | Promise<CallToolResult>;
  seen: CallSeen[];
  close(): Promise<void>;
}

export const echo: Tool = {
  name: 'echo',
  description: 'Says what it is told.',
  inputSchema: {
    type: 'object',
    properties: { message: { type: 'string', pattern: '^[^!]*$' }, count: { type: 'integer', minimum: 1 } },
    required: ['message'],
    additionalProperties: false,
  },
  annotations: { readOnlyHint: true },
};

export function text(said: string, isError = false): CallToolResult {
  return { content: [{ type: 'text', text: said }], isError };
}

/** A server of Streamable HTTP on loopback whose tools change when a test says so. It keeps no process alive. */
export async function startToolServer(tools: Tool[] = [echo]): Promise<ToolServer> {
  const http = createServer(async (request, response) => {
    const { method = '', url: path = '', headers } = request;
    if (running.first({ method, path, headers, message: undefined, response })) return;
    const server = new Server({ name: 'tools', version: '1.2.3' }, { capabilities: { tools: {}, resources: {} } });
    server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: running.tools }));
    server.setRequestHandler(ListResourcesRequestSchema, () => ({ resources: running.resources }));
    server.setRequestHandler(ReadResourceRequestSchema, ({ params: { uri } }) => ({
      contents: [{ uri, mimeType: 'text/plain', text: `You sent ${request.headers.authorization ?? 'nothing'}` }],
    }));
    server.setRequestHandler(CallToolRequestSchema, ({ params }) => {
      const seen = { name: params.name, arguments: params.arguments ?? {}, headers: request.headers };
      running.seen.push(seen);
      return running.answer(seen);
    });
    const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true });
    await server.connect(transport as Parameters<typeof server.connect>[0]);
    response.on('close', () => void server.close());
    await transport.handleRequest(request, response);
  });
  http.listen(0, '127.0.0.1').unref();
  await once(http, 'listening');
  const origin = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const running: ToolServer = {
    origin,
    url: `${origin}/mcp`,
    first: () => false,
    tools,
    resources: [{ uri: 'memo://1', name: 'Memo', mimeType: 'text/plain' }],
    answer: ({ name, arguments: given, headers }) => text(JSON.stringify({ name, given, authorization: headers.authorization })),
    seen: [],
    async close() {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
  return running;
}

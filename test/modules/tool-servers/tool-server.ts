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

export interface ReceivedCall {
  name: string;
  arguments: Record<string, unknown>;
  headers: IncomingHttpHeaders;
}

export interface ToolServer {
  origin: string;
  url: string;
  /** Runs before every other handler. Returns whether it responded. */
  first: ScriptedHttp['first'];
  /** The listed tools. A test can replace them at any time. */
  tools: Tool[];
  resources: Resource[];
  /** Returns the result of a call. @default the name, the arguments and the authorization header, as JSON */
  answer: (seen: ReceivedCall) => CallToolResult | Promise<CallToolResult>;
  seen: ReceivedCall[];
  close(): Promise<void>;
}

export const echo: Tool = {
  name: 'echo',
  description: 'Returns its arguments.',
  inputSchema: {
    type: 'object',
    properties: { message: { type: 'string', pattern: '^[^!]*$' }, count: { type: 'integer', minimum: 1 } },
    required: ['message'],
    additionalProperties: false,
  },
  annotations: { readOnlyHint: true },
};

export function text(content: string, isError = false): CallToolResult {
  return { content: [{ type: 'text', text: content }], isError };
}

/** A Streamable HTTP server on loopback with replaceable tools. It does not keep the process alive. */
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

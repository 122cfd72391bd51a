import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { z } from 'zod';

/** The start of a tool call. */
export interface CountedCall {
  tool: string;
  /** The argument that identifies the call. */
  key: string;
  /** Start time in milliseconds since the epoch. */
  at: number;
}

export interface CountingTools {
  url: string;
  calls: CountedCall[];
  /** Whether a call that must not be repeated is active. */
  readonly paying: boolean;
  close(): Promise<void>;
}

const INPUT = { key: z.string(), ms: z.number().max(10_000) };

/** The tools of the server with their annotations. */
export const TOOLS = [
  { name: 'pay', annotations: { readOnlyHint: false, idempotentHint: false } },
  { name: 'look', annotations: { readOnlyHint: true } },
];

/** An MCP server over Streamable HTTP on the loopback interface whose tools take a given time and record each start. */
export async function startCountingTools(): Promise<CountingTools> {
  const calls: CountedCall[] = [];
  let paying = 0;

  function newServer(): McpServer {
    const server = new McpServer({ name: 'counting', version: '1' });
    for (const { name, annotations } of TOOLS) {
      server.registerTool(name, { inputSchema: INPUT, annotations }, async ({ key, ms }) => {
        calls.push({ tool: name, key, at: Date.now() });
        const pays = annotations.readOnlyHint ? 0 : 1;
        paying += pays;
        await delay(ms);
        paying -= pays;
        return { content: [{ type: 'text', text: `${name} ${key}` }] };
      });
    }
    return server;
  }

  const http = createServer(async (request, response) => {
    // Without sessions each request is independent, so that killed clients leave no state.
    if (request.method !== 'POST') return void response.writeHead(405, { allow: 'POST' }).end();
    const server = newServer();
    // Without a generator there are no sessions; the types want it absent, not undefined.
    const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true } as never);
    response.once('close', () => void server.close());
    await server.connect(transport as never);
    await transport.handleRequest(request, response);
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`,
    calls,
    get paying() {
      return paying > 0;
    },
    async close() {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

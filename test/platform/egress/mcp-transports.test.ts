import { randomUUID } from 'node:crypto';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { AddressNotAllowedError } from '../../../src/platform/egress/check-url.ts';
import { createNetHarness, failure, guardedFetch, type Handler, startServer } from './net-harness.ts';

function newServer(): McpServer {
  const server = new McpServer({ name: 'test', version: '1' });
  server.registerTool('repeat', { inputSchema: { text: z.string() } }, async ({ text }, { sendNotification }) => {
    await sendNotification({ method: 'notifications/message', params: { level: 'info', data: text } });
    return { content: [{ type: 'text', text: text.repeat(2) }] };
  });
  server.server.registerCapabilities({ logging: {} });
  return server;
}

async function streamable(enableJsonResponse: boolean): Promise<Handler> {
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => randomUUID(), enableJsonResponse });
  await newServer().connect(transport);
  return (request, response) => transport.handleRequest(request, response);
}

function sse(): Handler {
  let transport: SSEServerTransport | undefined;
  return async (request, response) => {
    if (request.method === 'POST') return transport?.handlePostMessage(request, response);
    transport = new SSEServerTransport('/mcp', response);
    await newServer().connect(transport);
  };
}

async function use(transport: StreamableHTTPClientTransport | SSEClientTransport): Promise<void> {
  const client = new Client({ name: 'test', version: '1' });
  await client.connect(transport);
  onTestFinished(() => client.close());
  expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['repeat']);
  const text = 'ä'.repeat(10_000);
  const result = await client.callTool({ name: 'repeat', arguments: { text } });
  expect(result.content).toEqual([{ type: 'text', text: text.repeat(2) }]);
}

test.each([true, false])('the SDK works over Streamable HTTP (with JSON: %s)', async (json) => {
  const { url } = await startServer(await streamable(json));
  const fetch = guardedFetch({ allow: ['127.0.0.0/8'] });
  await use(
    new StreamableHTTPClientTransport(new URL(`${url}/mcp`), { fetch, requestInit: { headers: { 'x-api-key': 'key' } } }),
  );
});

test('the SDK works over the deprecated SSE transport', async () => {
  const { url } = await startServer(sse());
  const fetch = guardedFetch({ allow: ['127.0.0.0/8'] });
  await use(new SSEClientTransport(new URL(`${url}/mcp`), { fetch }));
});

test('the SDK connects to a host name', async () => {
  const { fetch, connections } = await createNetHarness({ handler: await streamable(false) });
  await use(new StreamableHTTPClientTransport(new URL('https://mcp.example.com/mcp'), { fetch }));
  expect(new Set(connections.map(({ address }) => address))).toEqual(new Set(['93.184.216.34']));
});

test.each(['same-origin', 'follow'] as const)('redirects that the SDK follows are judged too (%s)', async (redirectPolicy) => {
  const { fetch, connections } = await createNetHarness({
    rounds: { 'mcp.example.com': [['93.184.216.34'], ['127.0.0.1']] },
    handler: (_, response) => void response.writeHead(307, { location: '/there', connection: 'close' }).end(),
  });
  const transport = new StreamableHTTPClientTransport(new URL('https://mcp.example.com/mcp'), { fetch, redirectPolicy });
  const client = new Client({ name: 'test', version: '1' });
  expect(await failure(client.connect(transport))).toBeInstanceOf(AddressNotAllowedError);
  expect(connections).toHaveLength(1);
});

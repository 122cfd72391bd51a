import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';

export interface ReceivedRequest {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  // biome-ignore lint/suspicious/noExplicitAny: arbitrary messages
  message: any;
  response: ServerResponse;
}

export type Reply = (heard: ReceivedRequest) => void;

export interface ScriptedHttp {
  origin: string;
  url: string;
  heard: ReceivedRequest[];
  /** Handlers of tool calls by tool name. */
  tools: Record<string, Reply>;
  /** Handles GET requests. */
  listen: Reply;
  /** Runs before every other handler. Returns whether it responded. */
  first: (heard: ReceivedRequest) => boolean;
  /** The number of requests with a method of MCP or HTTP. */
  count(method: string): number;
}

/** A Streamable HTTP server without the SDK, so that it can violate the protocol. Closed when the test finishes. */
export async function startScriptedHttp(): Promise<ScriptedHttp> {
  let sessions = 0;
  const server = createServer(async (request, response) => {
    const { method = '', url: path = '', headers } = request;
    const sent = await text(request);
    const heard = { method, path, headers, message: sent ? JSON.parse(sent) : undefined, response };
    scripted.heard.push(heard);
    if (scripted.first(heard)) return;
    if (method === 'DELETE') response.end();
    else if (method === 'GET') scripted.listen(heard);
    else if (heard.message.method === 'initialize') {
      const { protocolVersion } = heard.message.params;
      const result = { protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'scripted', version: '1' } };
      json(heard, { id: heard.message.id, result }, { 'mcp-session-id': `session-${++sessions}` });
    } else if (heard.message.method === 'tools/call') {
      (scripted.tools[heard.message.params.name] ?? say('done'))(heard);
    } else {
      response.writeHead(202).end();
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const scripted: ScriptedHttp = {
    origin,
    url: `${origin}/mcp`,
    heard: [],
    tools: {},
    listen: status(405),
    first: () => false,
    count: (wanted) => scripted.heard.filter(({ method, message }) => method === wanted || message?.method === wanted).length,
  };
  return scripted;
}

export function json({ response }: ReceivedRequest, message: object, headers: Record<string, string> = {}): void {
  response.writeHead(200, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify({ jsonrpc: '2.0', ...message }));
}

export const status =
  (code: number, headers: Record<string, string> = {}): Reply =>
  ({ response }) =>
    void response.writeHead(code, headers).end('a confidential body');

export const result = (words: string) => ({ content: [{ type: 'text', text: words }] });

export const say =
  (words: string): Reply =>
  (heard) =>
    json(heard, { id: heard.message.id, result: result(words) });

/** Starts an event stream. Returns a function that writes to it. */
export function stream({ response }: ReceivedRequest): (event: string) => void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.flushHeaders();
  return (event) => void response.write(event);
}

export const event = (message: object) => `data: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`;

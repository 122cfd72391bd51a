import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';

export interface Heard {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  // biome-ignore lint/suspicious/noExplicitAny: whatever was sent
  message: any;
  response: ServerResponse;
}

export type Reply = (heard: Heard) => void;

export interface ScriptedHttp {
  origin: string;
  url: string;
  heard: Heard[];
  /** What the tools of these names do. */
  tools: Record<string, Reply>;
  /** What a GET gets. */
  listen: Reply;
  /** What stands before everything else, and whether it answered. */
  first: (heard: Heard) => boolean;
  /** Requests for a method of MCP, or of HTTP. */
  count(method: string): number;
}

/** A server of Streamable HTTP by hand, so that it can misbehave. Closed with the test. */
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

export function json({ response }: Heard, message: object, headers: Record<string, string> = {}): void {
  response.writeHead(200, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify({ jsonrpc: '2.0', ...message }));
}

export const status =
  (code: number, headers: Record<string, string> = {}): Reply =>
  ({ response }) =>
    void response.writeHead(code, headers).end('a body with the secret of somebody');

export const result = (words: string) => ({ content: [{ type: 'text', text: words }] });

export const say =
  (words: string): Reply =>
  (heard) =>
    json(heard, { id: heard.message.id, result: result(words) });

/** Begins a stream of events. */
export function stream({ response }: Heard): (event: string) => void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.flushHeaders();
  return (event) => void response.write(event);
}

export const event = (message: object) => `data: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`;

import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { temporaryFolder } from '../../../platform/mcp-client/servers.ts';
import { answerTo, type Script } from './script.ts';

/** Streamable HTTP answers with JSON or with a stream. */
export const TRANSPORTS = ['STDIO', 'SSE', 'STREAMABLE_HTTP', 'STREAMABLE_HTTP with streams'] as const;
export type Transport = (typeof TRANSPORTS)[number];

export interface ScriptedServer {
  /** The input of `registerMcpServer` that the transport needs. */
  registration: Record<string, unknown>;
  /** Replaces the script, from the next message on. */
  set(script: Script): Promise<void>;
  /** Methods of the messages, without those of STDIO. */
  heard: string[];
  /** Forgets all sessions: answers their next message with this status. Without effect on STDIO. */
  forgetSessions(status: number): void;
}

/** Starts a server that ends with the test. */
export async function startScripted(transport: Transport, script: Script = {}): Promise<ScriptedServer> {
  return transport === 'STDIO' ? startProgram(script) : startHttp(transport, script);
}

async function startProgram(script: Script): Promise<ScriptedServer> {
  const file = join(await temporaryFolder(), 'script.json');
  const set = (next: Script) => writeFile(file, JSON.stringify(next));
  await set(script);
  const args = [fileURLToPath(new URL('./stdio-program.ts', import.meta.url)), file];
  const registration = { transport: 'STDIO', command: process.execPath, args, platform: true, isPublic: true };
  return { registration, set, heard: [], forgetSessions: () => {} };
}

async function startHttp(transport: Exclude<Transport, 'STDIO'>, first: Script): Promise<ScriptedServer> {
  let script = first;
  let sessions = 0;
  let refusal: number | undefined;
  const known = new Set<string>();
  const streams = new Map<string, ServerResponse>();
  const heard: string[] = [];
  const isSse = transport === 'SSE';

  const server = createServer(async (request: IncomingMessage, response: ServerResponse) => {
    const sent = await text(request);
    if (request.method === 'GET' && isSse) {
      const session = String(++sessions);
      known.add(session);
      streams.set(session, response);
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(`event: endpoint\ndata: /messages?s=${session}\n\n`);
      return;
    }
    if (request.method !== 'POST') return void response.writeHead(405).end();
    const message = JSON.parse(sent);
    heard.push(message.method);
    const isGreeting = message.method === 'initialize' && !isSse;
    const session = isSse ? request.url?.split('s=')[1] : request.headers['mcp-session-id'];
    if (!isGreeting && !known.has(String(session))) {
      response.writeHead(refusal ?? 404, { 'content-type': 'application/json' });
      return void response.end(
        JSON.stringify({ jsonrpc: '2.0', id: null, error: { code: -32_000, message: 'No such session' } }),
      );
    }
    const answer = answerTo(script, message);
    if (answer === undefined) return void response.writeHead(202).end();
    if (isSse) {
      response.writeHead(202).end();
      streams.get(String(session))?.write(`event: message\r\ndata: ${answer}\r\n\r\n`);
      return;
    }
    const isStream = transport === 'STREAMABLE_HTTP with streams';
    if (isGreeting) {
      response.setHeader('mcp-session-id', `session-${++sessions}`);
      known.add(`session-${sessions}`);
    }
    response.writeHead(200, { 'content-type': isStream ? 'text/event-stream' : 'application/json' });
    response.end(isStream ? `data: ${answer}\n\n` : answer);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
  return {
    registration: { transport: isSse ? 'SSE' : 'STREAMABLE_HTTP', url },
    set: async (next) => {
      script = next;
    },
    heard,
    forgetSessions(status) {
      refusal = status;
      known.clear();
    },
  };
}

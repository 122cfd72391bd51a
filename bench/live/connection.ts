import { connect, type Socket } from 'node:net';
import { DOCUMENT } from './document.ts';
import { type OnMessage, PONG, type Splitter, sseEvents, textFrame, webSocketMessages } from './frames.ts';

export type Transport = 'sse' | 'websocket';

export interface Subscription {
  transport: Transport;
  /** Undefined for an anonymous connection. */
  credential: string | undefined;
  /** The GraphQL id of the conversation. */
  id: string;
}

export interface Connection {
  close(): void;
}

const END_OF_HEAD = '\r\n\r\n';
/** Id of the only operation of a WebSocket. */
const OPERATION = '1';

/**
 * Subscribes over a new connection. Resolves when the server has accepted the subscription (SSE) or when it was sent (WebSocket).
 * @param onResult receives each result as raw text
 * @param onEnd receives the reason when the connection ends, except after `close`
 */
export async function subscribe(
  url: string,
  { transport, credential, id }: Subscription,
  onResult: OnMessage,
  onEnd: (reason: string) => void,
): Promise<Connection> {
  const { hostname, port, host } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  const operation = { query: DOCUMENT, variables: { id } };
  const ready = Promise.withResolvers<void>();
  const start =
    transport === 'sse'
      ? startSse(socket, host, credential, JSON.stringify(operation))
      : startWebSocket(socket, host, credential, JSON.stringify({ id: OPERATION, type: 'subscribe', payload: operation }));
  let split: Splitter | undefined;
  let head = '';
  let closed = false;
  const end = (reason: string) => {
    if (closed) return;
    ready.reject(new Error(reason));
    onEnd(reason);
  };
  socket.on('data', (bytes) => {
    if (split) return split(bytes);
    head += bytes.toString('latin1');
    const headEnd = head.indexOf(END_OF_HEAD);
    if (headEnd < 0) return;
    if (!start.accepts(head)) return end(head);
    split = start.splitter(onResult, ready.resolve, end);
    split(Buffer.from(head.slice(headEnd + END_OF_HEAD.length), 'latin1'));
  });
  socket.once('error', (error) => end(String(error)));
  socket.once('close', () => end('the connection was closed'));
  await ready.promise;
  return {
    close() {
      closed = true;
      socket.destroy();
    },
  };
}

interface Start {
  accepts(head: string): boolean;
  splitter(onResult: OnMessage, ready: () => void, end: (reason: string) => void): Splitter;
}

function startSse(socket: Socket, host: string, credential: string | undefined, body: string): Start {
  const lines = ['content-type: application/json', 'accept: text/event-stream', `content-length: ${Buffer.byteLength(body)}`];
  if (credential) lines.push(`authorization: Bearer ${credential}`);
  socket.write(`POST /graphql HTTP/1.1\r\nhost: ${host}\r\n${lines.join('\r\n')}${END_OF_HEAD}${body}`);
  return {
    accepts: (head) => head.startsWith('HTTP/1.1 200') && head.includes('text/event-stream'),
    splitter(onResult, ready) {
      ready();
      return sseEvents(onResult);
    },
  };
}

function startWebSocket(socket: Socket, host: string, credential: string | undefined, subscription: string): Start {
  const lines = ['connection: Upgrade', 'upgrade: websocket', 'sec-websocket-version: 13'];
  lines.push('sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==', 'sec-websocket-protocol: graphql-transport-ws');
  socket.write(`GET /graphql HTTP/1.1\r\nhost: ${host}\r\n${lines.join('\r\n')}${END_OF_HEAD}`);
  const payload = credential ? { authorization: `Bearer ${credential}` } : {};
  return {
    accepts: (head) => head.startsWith('HTTP/1.1 101'),
    splitter(onResult, ready, end) {
      socket.write(textFrame(JSON.stringify({ type: 'connection_init', payload })));
      return webSocketMessages({
        onMessage(text, from, to) {
          if (text.startsWith('{"id":"1","type":"next"', from)) return onResult(text, from, to);
          if (!text.startsWith('{"type":"connection_ack"', from)) return end(text.slice(from, to));
          socket.write(textFrame(subscription));
          ready();
        },
        onPing: () => socket.write(PONG),
        onClose: end,
      });
    },
  };
}

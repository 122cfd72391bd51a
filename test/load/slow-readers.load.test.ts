import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { conversation, type NewTenant, post, signUp } from '../testkit/server.ts';
import { type MeasuredServer, startMeasuredServer } from './server-process.ts';

const READERS = 20;
const MESSAGES = 600;
const CONTENT = 'x'.repeat(50_000);
const MIB = 1024 * 1024;
/** For all readers together: far below what they have not read, which is 600 MB. */
const MAX_GROWTH_BYTES = 120 * MIB;

let server: MeasuredServer;
let tenant: NewTenant;
const open: { destroy(): void }[] = [];

beforeAll(async () => {
  server = await startMeasuredServer();
  tenant = await signUp(server.url);
  // The heap grows to what the work itself takes.
  await append((await conversation(server.url, tenant)).conversationId);
}, 120_000);
afterAll(async () => {
  for (const connection of open) connection.destroy();
  await server.close();
});

const SUBSCRIPTION =
  'subscription ($id: ID!) { conversationEvents(conversationId: $id, after: 0) { sequence message { content } } }';

/** A stream over HTTP that its client does not read. */
async function stalledStream(id: string, accept: string): Promise<Socket> {
  const { hostname, port } = new URL(server.origin);
  const socket = connect(Number(port), hostname);
  open.push(socket);
  await once(socket, 'connect');
  socket.pause();
  const body = JSON.stringify({ query: SUBSCRIPTION, variables: { id } });
  socket.write(
    `POST /graphql HTTP/1.1\r\nhost: ${hostname}:${port}\r\ncontent-type: application/json\r\naccept: ${accept}\r\n` +
      `authorization: ${tenant.authorization.authorization}\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  return socket;
}

/** A WebSocket that its client does not read after the acknowledgement. */
async function stalledSocket(id: string): Promise<WebSocket> {
  const socket = new WebSocket(server.url.replace('http', 'ws'), 'graphql-transport-ws');
  open.push({ destroy: () => socket.terminate() });
  await once(socket, 'open');
  socket.send(JSON.stringify({ type: 'connection_init', payload: tenant.authorization }));
  await once(socket, 'message');
  socket.pause();
  socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query: SUBSCRIPTION, variables: { id } } }));
  return socket;
}

async function append(conversationId: string): Promise<void> {
  const append = 'mutation ($input: AppendMessageInput!) { appendMessage(input: $input) { __typename } }';
  for (let message = 0; message < MESSAGES; message++) {
    const { body } = await post(
      server.url,
      append,
      { input: { conversationId, role: 'USER', content: CONTENT } },
      tenant.authorization,
    );
    expect(body.data.appendMessage.__typename).toBe('AppendMessagePayload');
  }
}

test.each([
  ['WebSockets', stalledSocket],
  ['server-sent events', (id: string) => stalledStream(id, 'text/event-stream')],
  ['server-sent events beside other types', (id: string) => stalledStream(id, 'text/event-stream, */*;q=0.1')],
  ['multipart', (id: string) => stalledStream(id, 'multipart/mixed')],
])('readers of %s that do not read hold little memory', { timeout: 180_000 }, async (_transport, start) => {
  const { conversationId } = await conversation(server.url, tenant);
  const before = await server.measure(async () => {});
  for (let reader = 0; reader < READERS; reader++) await start(conversationId);
  const after = await server.measure(() => append(conversationId));
  if (process.env.TEST_FIGURES)
    console.log(`${_transport}: ${((after.rssBytes - before.rssBytes) / MIB).toFixed(0)} MiB, ${after.longestMs.toFixed(0)} ms`);
  expect(after.rssBytes - before.rssBytes).toBeLessThan(MAX_GROWTH_BYTES);
});

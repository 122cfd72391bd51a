import { once } from 'node:events';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { conversation, type NewTenant, post, signUp, startTestServer, type TestServer } from '../../../testkit/server.ts';

let server: TestServer;
let tenant: NewTenant;
let conversationId: string;
const logged: string[] = [];

beforeAll(async () => {
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      logged.push(chunk.toString());
      done();
    },
  });
  server = await startTestServer({}, pino({ level: 'trace' }, sink));
  tenant = await signUp(server.url);
  ({ conversationId } = await conversation(server.url, tenant));
});
afterAll(async () => {
  // Afterwards the process still responds, and its log has no unexpected error.
  expect(logged.join('')).not.toMatch(/"level":(50|60)/);
  await server.close();
});

interface Socket {
  say(message: unknown): void;
  /** The next message. */
  next(): Promise<Record<string, unknown>>;
  /** The code and reason of the close. */
  closed: Promise<[number, string]>;
  end(): void;
}

function socket(path = '/graphql', protocol: string | string[] = 'graphql-transport-ws'): Socket {
  const client = new WebSocket(`${server.origin.replace('http', 'ws')}${path}`, protocol);
  const messages: string[] = [];
  client.on('message', (data) => messages.push(String(data)));
  client.on('error', () => {});
  return {
    async say(message) {
      if (client.readyState === WebSocket.CONNECTING) await once(client, 'open');
      client.send(typeof message === 'string' || Buffer.isBuffer(message) ? message : JSON.stringify(message));
    },
    async next() {
      await vi.waitFor(() => expect(messages.length).toBeGreaterThan(0), { timeout: 5_000, interval: 5 });
      return JSON.parse(messages.shift() ?? '') as Record<string, unknown>;
    },
    // Not once(): a refused handshake is an error before it is a close.
    closed: new Promise((resolve) => client.once('close', (code, reason) => resolve([code, String(reason)]))),
    end: () => client.terminate(),
  };
}

async function opened(authorization?: string): Promise<Socket> {
  const open = socket();
  await open.say({ type: 'connection_init', payload: authorization ? { authorization } : {} });
  expect(await open.next()).toEqual({ type: 'connection_ack' });
  return open;
}
const subscribe = (id: string, query: string, rest: object = {}) => ({ id, type: 'subscribe', payload: { query, ...rest } });

test.each<[string, unknown[], number]>([
  ['garbage', ['hello'], 4400],
  ['binary garbage', [Buffer.from([0, 255, 1])], 4400],
  ['an operation before its introduction', [subscribe('1', '{ __typename }')], 4401],
  ['a second introduction', [{ type: 'connection_init' }, { type: 'connection_init' }], 4429],
  ['a message that is too large', [{ type: 'connection_init' }, 'x'.repeat(5_000_000)], 1009],
  ['a wrong credential', [{ type: 'connection_init', payload: { authorization: 'Bearer nonsense' } }], 4401],
  ['a credential that is no text', [{ type: 'connection_init', payload: { authorization: { token: 'x' } } }], 4401],
  ['a credential of another kind', [{ type: 'connection_init', payload: { authorization: 'Basic dTpw' } }], 4401],
  ['a query that is no text', [{ type: 'connection_init' }, { id: '1', type: 'subscribe', payload: { query: 1 } }], 4400],
])('%s closes the socket with a code', async (_what, messages, code) => {
  const open = socket();
  for (const message of messages) await open.say(message);
  expect((await open.closed)[0]).toBe(code);
});

test('a socket without connection_init is closed', { timeout: 15_000 }, async () => {
  const began = performance.now();
  expect((await socket().closed)[0]).toBe(4408);
  expect(performance.now() - began).toBeLessThan(8_000);
});

test('an upgrade on another path or with another subprotocol is rejected', async () => {
  expect((await socket('/metrics').closed)[0]).toBe(1006);
  expect((await socket('/graphql', 'soap').closed)[0]).toBe(1006);
});

test.each([
  ['a document that cannot be read', '{ agents(', {}, 'GRAPHQL_PARSE_FAILED'],
  ['an unknown field', '{ passwords }', {}, 'GRAPHQL_VALIDATION_FAILED'],
  ['no operation of that name', 'query A { __typename }', { operationName: 'B' }, 'BAD_REQUEST'],
  ['one of two operations', 'query A { __typename } query B { __typename }', {}, 'BAD_REQUEST'],
  ['too deep a literal', `{ agents(first: ${'['.repeat(2_400)}`, {}, 'OPERATION_TOO_LARGE'],
  [
    'too many aliases',
    `{ ${Array.from({ length: 200 }, (_, index) => `a${index}: __typename`).join(' ')} }`,
    {},
    'OPERATION_TOO_LARGE',
  ],
  ['variables that do not fit', 'query ($id: ID!) { agent(id: $id) { id } }', { variables: { id: {} } }, 'VALIDATION_FAILED'],
])('%s is answered with a code, and the socket lives on', async (_what, query, rest, code) => {
  const open = await opened(tenant.authorization.authorization);
  open.say(subscribe('1', query, rest));
  const { payload } = (await open.next()) as { payload: unknown };
  const errors = Array.isArray(payload) ? payload : (payload as { errors: unknown[] }).errors;
  expect(errors[0]).toMatchObject({ message: expect.any(String), extensions: { code } });
  expect(JSON.stringify(errors)).not.toMatch(/"http"|node_modules/);
  open.say(subscribe('2', '{ tenant { name } }'));
  await vi.waitFor(async () => expect(await open.next()).toMatchObject({ id: '2', type: 'next', payload: { data: {} } }));
  open.end();
});

test('a socket has a hundred operations under way and not one more; others are served meanwhile', {
  timeout: 30_000,
}, async () => {
  const watch = `subscription { messageAppended(conversationId: "${conversationId}") { id } }`;
  const open = await opened(tenant.authorization.authorization);
  for (let id = 1; id <= 101; id++) open.say(subscribe(String(id), watch));
  expect(await open.next()).toMatchObject({ type: 'error', payload: [{ extensions: { code: 'RATE_LIMITED' } }] });
  const began = performance.now();
  expect((await post(server.url, '{ tenant { name } }', {}, tenant.authorization)).body.data.tenant.name).toBeTruthy();
  expect(performance.now() - began).toBeLessThan(2_000);
  const { live } = server.app.services;
  await vi.waitFor(() => expect(live.stats().subscribers).toBe(100), { timeout: 10_000 });
  open.end();
  await vi.waitFor(() => expect(live.stats()).toMatchObject({ subscribers: 0, feeds: 0 }), { timeout: 10_000 });
});

test('a thousand sockets that say nonsense leave nothing behind', { timeout: 30_000 }, async () => {
  const resources = () => process.getActiveResourcesInfo().filter((kind) => /TCPS|Timeout/.test(kind)).length;
  const before = resources();
  for (let round = 0; round < 10; round++) {
    const sockets = Array.from({ length: 100 }, () => socket());
    for (const each of sockets) each.say('nonsense');
    for (const [code] of await Promise.all(sockets.map(({ closed }) => closed))) expect(code).toBe(4400);
  }
  await vi.waitFor(() => expect(resources()).toBeLessThanOrEqual(before + 10), { timeout: 10_000 });
  expect((await post(server.url, '{ tenant { name } }', {}, tenant.authorization)).body.data.tenant.name).toBeTruthy();
});

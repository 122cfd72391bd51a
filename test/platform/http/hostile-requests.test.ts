import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { parse } from 'graphql';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { encodeGlobalId } from '../../../src/platform/graphql/kit/global-id.ts';
import {
  conversation,
  type NewTenant,
  post,
  type Reply,
  signUp,
  startTestServer,
  type TestServer,
} from '../../testkit/server.ts';

let server: TestServer;
let tenant: NewTenant;
let ids: { agentId: string; conversationId: string };

beforeAll(async () => {
  server = await startTestServer({ INTROSPECTION: 'false' });
  tenant = await signUp(server.url);
  ids = await conversation(server.url, tenant);
});
afterAll(() => server.close());

const send = (query: string, variables?: unknown): Promise<Reply> => post(server.url, query, variables, tenant.authorization);
const nested = (depth: number) =>
  `{ agents(first: 1) { nodes { ${'conversations(first: 1) { nodes { agent { '.repeat(depth)} id ${'} } } '.repeat(depth)} } } }`;
const many = (count: number, each: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => each(index)).join(' ');

/** A document whose parsing time measures the machine: about 6 ms when it is idle. */
const LARGE_DOCUMENT = `{ ${'tenant { id } '.repeat(5_000)} }`;
const ATTEMPTS = 50;

async function millisecondsOf(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/**
 * A rejection must take less than 100 ms, or less than the time in which a busy machine parses a large document 20 times. For both, the
 * fastest of several attempts counts, to exclude other load.
 */
async function quickly(work: () => Promise<Reply>): Promise<Reply> {
  let refusal = Number.POSITIVE_INFINITY;
  let parsing = Number.POSITIVE_INFINITY;
  let reply: Reply | undefined;
  const limit = () => Math.max(100, 20 * parsing);
  for (let attempt = 0; attempt < ATTEMPTS && (attempt === 0 || refusal >= limit()); attempt++) {
    refusal = Math.min(
      refusal,
      await millisecondsOf(async () => {
        reply = await work();
      }),
    );
    parsing = Math.min(parsing, await millisecondsOf(() => parse(LARGE_DOCUMENT)));
  }
  expect(refusal).toBeLessThan(limit());
  return reply as Reply;
}

describe('operations past a limit are rejected', () => {
  test.each([
    ['depth', () => nested(10), 'OPERATION_TOO_LARGE'],
    [
      'depth through fragments',
      () =>
        `query { agents { nodes { ...A } } } ${many(20, (i) => `fragment ${'A'.repeat(i + 1)} on Agent { conversations { nodes { agent { ...${'A'.repeat(i + 2)} } } } }`)} fragment ${'A'.repeat(21)} on Agent { id }`,
      'OPERATION_TOO_LARGE',
    ],
    ['aliases', () => `{ ${many(200, (i) => `a${i}: tenant { id }`)} }`, 'OPERATION_TOO_LARGE'],
    ['directives', () => `{ ${many(100, () => '... @include(if: true) { tenant { id } }')} }`, 'OPERATION_TOO_LARGE'],
    ['tokens', () => `{ ${'tenant { id } '.repeat(5_000)} }`, 'OPERATION_TOO_LARGE'],
    [
      'complexity',
      () => '{ agents(first: 100) { nodes { conversations(first: 100) { nodes { messages(first: 100) { nodes { id } } } } } } }',
      'OPERATION_TOO_LARGE',
    ],
    ['the same field a thousand times', () => `{ ${'tenant { id } '.repeat(1_000)} }`, 'OPERATION_TOO_LARGE'],
    [
      'the same field through inline fragments',
      () => `{ ${'... on Query { tenant { id } } '.repeat(500)} }`,
      'OPERATION_TOO_LARGE',
    ],
    [
      'the same field in fragments that nothing uses',
      () => `{ __typename } ${many(5, (i) => `fragment F${i} on Query { ${'tenant { id } '.repeat(200)} }`)}`,
      'OPERATION_TOO_LARGE',
    ],
    ['thousands of unknown fields', () => `{ ${many(4_000, (i) => `x${i}`)} }`, 'OPERATION_TOO_LARGE'],
    ['a literal of thousands of levels', () => `{ agents(first: ${'['.repeat(2_400)}`, 'OPERATION_TOO_LARGE'],
    [
      'a fragment that contains itself',
      () => '{ agents { nodes { ...A } } } fragment A on Agent { id ...A }',
      'GRAPHQL_VALIDATION_FAILED',
    ],
    ['introspection that is off', () => '{ __schema { types { name } } }', 'GRAPHQL_VALIDATION_FAILED'],
    ['an unknown field', () => '{ passwords }', 'GRAPHQL_VALIDATION_FAILED'],
    ['nonsense', () => '{ agents( }', 'GRAPHQL_PARSE_FAILED'],
  ])('%s', async (_what, query, code) => {
    const { body } = await quickly(() => send(query()));
    expect(body.data ?? null).toBeNull();
    expect(body.errors[0].extensions?.code ?? 'GRAPHQL_VALIDATION_FAILED').toBe(code);
    expect(JSON.stringify(body)).not.toMatch(/node_modules|\.ts:|SELECT /);
  });

  test.each([
    ['mutation', 'mutation ($v: CreateAgentInput!) { createAgent(input: $v) { __typename } }'],
    ['query', 'query ($v: AgentFilter!) { agents(filter: $v) { nodes { id } } }'],
  ])('nine thousand mistakes in one variable of a %s', async (_what, query) => {
    const v = Object.fromEntries(Array.from({ length: 9_000 }, (_, index) => [`unknown${index}`, index]));
    const { body } = await quickly(() => send(query, { v }));
    expect(body.errors).toEqual([
      { message: expect.stringContaining('"$v"'), extensions: expect.objectContaining({ code: 'VALIDATION_FAILED' }) },
    ]);
    expect(JSON.stringify(body).length).toBeLessThan(1_000);
  });

  test('a variable that is missing, null or of another type is rejected', async () => {
    const query = 'query ($id: ID!) { agent(id: $id) { id } }';
    for (const variables of [{}, { id: null }, { id: {} }, { id: ['x', 'y'] }]) {
      const { body } = await send(query, variables);
      expect(body).toMatchObject({ errors: [{ extensions: { code: 'VALIDATION_FAILED' } }] });
      expect(body.errors).toHaveLength(1);
    }
  });

  test('a page size past the maximum is rejected', async () => {
    const { body } = await quickly(() => send('{ agents(first: 1000000) { nodes { id } } }'));
    expect(body.errors[0]).toMatchObject({
      message: '`first` must be between 0 and 100.',
      extensions: { code: 'VALIDATION_FAILED' },
    });
  });

  test('a list of ids past the maximum is rejected', async () => {
    const { body } = await quickly(() =>
      send('query ($ids: [ID!]!) { nodes(ids: $ids) { id } }', { ids: Array(5_000).fill(ids.agentId) }),
    );
    expect(body.errors[0].extensions.code).toBe('VALIDATION_FAILED');
  });
});

describe('invalid ids and cursors', () => {
  test.each([
    [
      'a filter of a nested list',
      '{ agents { nodes { conversations(filter: { userId: $id }) { nodes { id } } } } }',
      ['filter', 'userId'],
    ],
    ['a filter of a list', '{ conversations(filter: { agentId: $id }) { nodes { id } } }', ['filter', 'agentId']],
    ['a cursor of a nested list', '{ agents { nodes { conversations(after: $id) { nodes { id } } } } }', ['after']],
  ])('rejects %s with its path', async (_what, selection, at) => {
    const type = selection.includes('after') ? 'String' : 'ID!';
    const id = encodeGlobalId('Document', crypto.randomUUID());
    const { body } = await send(`query ($id: ${type}) ${selection}`, { id });
    expect(body.errors[0].extensions).toEqual({ code: 'VALIDATION_FAILED', at });
  });

  test('rejects an id of another type, a cursor of another list, and malformed ones', async () => {
    const source = 'query ($id: ID!, $after: String) { agent(id: $id) { id } conversations(after: $after) { nodes { id } } }';
    const cursor = (await send('{ agents(first: 1) { pageInfo { endCursor } } }')).body.data.agents.pageInfo.endCursor;
    const { body } = await quickly(() => send(source, { id: ids.conversationId, after: cursor }));
    expect(body.errors.map((error: { extensions: { code: string } }) => error.extensions.code)).toEqual([
      'VALIDATION_FAILED',
      'VALIDATION_FAILED',
    ]);
    for (const id of [
      '',
      'x',
      encodeGlobalId('Nothing', ids.agentId),
      `${encodeGlobalId('Agent', 'x')}`,
      '\u0000',
      'ä'.repeat(1_000),
    ]) {
      expect((await send('query ($id: ID!) { node(id: $id) { id } }', { id })).body.errors[0].extensions.code).toBe(
        'VALIDATION_FAILED',
      );
    }
  });

  test('rejects the global id of a type that is not a node', async () => {
    const id = encodeGlobalId('ConversationEvent', '01a2062c-c764-73cb-95d8-81a7e2eb5f00');
    const { body } = await send('query ($id: ID!) { node(id: $id) { id } }', { id });
    expect(body.data.node).toBeNull();
  });
});

describe('malformed requests are rejected', () => {
  const raw = (body: string | Buffer, headers: Record<string, string>): Promise<{ status: number; text: string }> =>
    new Promise((resolve, reject) => {
      const request = httpRequest(
        server.url,
        { method: 'POST', headers: { ...tenant.authorization, ...headers } },
        (response) => {
          let text = '';
          response.on('data', (chunk: Buffer) => {
            text += chunk;
          });
          response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
        },
      );
      request.on('error', reject);
      request.end(body);
    });

  test('a batch of operations', async () => {
    const { status, text } = await raw(JSON.stringify([{ query: '{ __typename }' }, { query: '{ __typename }' }]), {
      'content-type': 'application/json',
    });
    expect(status).toBe(400);
    expect(JSON.parse(text).errors).toEqual([{ message: 'Batching is not supported.', extensions: { code: 'BAD_REQUEST' } }]);
  });

  test('a body of 10 MB, with or without Content-Length', async () => {
    const body = JSON.stringify({ query: `{ tenant { name } } # ${'x'.repeat(10_000_000)}` });
    const lengths: Record<string, string>[] = [
      { 'content-length': String(Buffer.byteLength(body)) },
      { 'transfer-encoding': 'chunked' },
    ];
    for (const length of lengths) {
      const { status, text } = await raw(body, { 'content-type': 'application/json', ...length });
      expect([status, JSON.parse(text).errors[0].extensions.code]).toEqual([413, 'BODY_TOO_LARGE']);
    }
  });

  test('reading of an endless body stops at the limit', async () => {
    const { hostname, port } = new URL(server.origin);
    const socket = connect(Number(port), hostname);
    socket.on('error', () => {});
    socket.write('POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n');
    const chunk = `100000\r\n${'x'.repeat(0x100000)}\r\n`;
    const closed = new Promise((resolve) => socket.once('close', resolve));
    let sent = 0;
    while (!socket.destroyed && socket.writable && sent < 200) {
      sent++;
      // The write completes, or the connection is closed.
      await Promise.race([closed, new Promise<void>((resolve) => socket.write(chunk, () => resolve()))]);
    }
    expect(sent).toBeLessThan(100);
    expect((await send('{ tenant { name } }')).body.data.tenant.name).toBeTruthy();
  });

  test.each([
    ['malformed JSON', '{"query": "{ __typename }", "s3cret"', 'application/json', 400, 'BAD_REQUEST'],
    ['no JSON at all', 'query=%7B__typename%7D', 'application/json', 400, 'BAD_REQUEST'],
    ['an empty body', '', 'application/json', 400, 'BAD_REQUEST'],
    ['JSON that is no object', '42', 'application/json', 400, 'BAD_REQUEST'],
    ['a hundred thousand brackets', '['.repeat(100_000), 'application/json', 400, 'BAD_REQUEST'],
    ['an unknown content type', '<query/>', 'application/xml', 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['a form with variables that are no JSON', 'query=x&variables=%7B', 'application/x-www-form-urlencoded', 400, 'BAD_REQUEST'],
    ['a multipart body that is none', 'x', 'multipart/form-data; boundary=y', 400, 'BAD_REQUEST'],
  ])('%s', async (_what, body, type, status, code) => {
    const reply = await raw(body, { 'content-type': type });
    expect([reply.status, JSON.parse(reply.text).errors[0].extensions]).toEqual([status, { code }]);
    // The response does not echo the request, so it is small.
    expect(reply.text.length).toBeLessThan(300);
    expect(reply.text).not.toContain('s3cret');
  });

  test('a GET with variables that are not JSON', async () => {
    const response = await fetch(`${server.url}?query=%7B__typename%7D&variables=%7B`, {
      headers: { accept: 'application/json' },
    });
    expect([response.status, await response.json()]).toMatchObject([400, { errors: [{ extensions: { code: 'BAD_REQUEST' } }] }]);
  });

  const bytes = (text: string) =>
    new Promise<string>((resolve) => {
      const socket = connect(Number(new URL(server.origin).port), '127.0.0.1', () => socket.write(text));
      let answer = '';
      socket.on('data', (chunk: Buffer) => {
        answer += chunk;
      });
      socket.on('error', () => {});
      socket.on('close', () => resolve(answer));
    });

  test.each([
    ['a header of 100 kB', `GET /graphql HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(100_000)}\r\n\r\n`, 431],
    ['an address of 100 kB', `GET /graphql?query=${'x'.repeat(100_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 431],
    ['no HTTP at all', '\u0000\u0001 nonsense\r\n\r\n', 400],
    [
      'two lengths of one body',
      'POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    [
      'a host that is none',
      'POST /graphql HTTP/1.1\r\nHost: a b/[\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 24\r\n\r\n{"query":"{__typename}"}',
      400,
    ],
  ])('%s', async (_what, text, status) => {
    const answer = await bytes(text);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer).not.toMatch(/node_modules|TypeError/);
  });

  test('a mutation over GET', async () => {
    const query = encodeURIComponent('mutation { signOut(input: {}) { __typename } }');
    const response = await fetch(`${server.url}?query=${query}`, {
      headers: { ...tenant.authorization, accept: 'application/json' },
    });
    expect(response.status).toBe(405);
  });

  test.each([
    [80, 200, '"__typename":"ValidationError"'],
    [100_000, 400, 'The JSON has more than 100 levels.'],
  ])('variables nested %i levels deep', async (levels, status, text) => {
    const body = `{"query":"mutation ($m: JSONObject) { createAgent(input: { name: \\"x\\", provider: \\"p\\", model: \\"m\\", metadata: $m }) { __typename } }","variables":{"m":${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}}}`;
    const reply = await raw(body, { 'content-type': 'application/json' });
    expect([reply.status, reply.text]).toEqual([status, expect.stringContaining(text)]);
  });
});

describe('requests that another site can send without a preflight change nothing', () => {
  const email = 'forged@example.test';
  const query = `mutation { signUp(input: { email: "${email}", password: "correct horse battery", tenantName: "Forged" }) { __typename } }`;
  const json = JSON.stringify({ query });
  const form = () => {
    const data = new FormData();
    data.set('operations', json);
    data.set('map', '{}');
    return data;
  };
  const address = () => `${server.url}?query=${encodeURIComponent(query)}`;
  afterAll(async () => {
    const { body } = await post(
      server.url,
      `mutation { signIn(input: { email: "${email}", password: "correct horse battery" }) { __typename } }`,
    );
    expect(body.data.signIn.__typename).toBe('AuthenticationError');
  });

  test.each<[string, () => RequestInit]>([
    ['plain text', () => ({ headers: { 'content-type': 'text/plain' }, body: json })],
    ['text that calls itself JSON', () => ({ headers: { 'content-type': 'text/plain; application/json' }, body: json })],
    ['a form', () => ({ body: new URLSearchParams({ query }) })],
    ['an upload', () => ({ body: form() })],
    ['no content type', () => ({ body: new Blob([json]) })],
  ])('%s', async (_what, init) => {
    const response = await fetch(server.url, { method: 'POST', ...init() });
    expect([response.status, await response.json()]).toMatchObject([
      403,
      { errors: [{ extensions: { code: 'CSRF_PREVENTED' } }] },
    ]);
  });

  test.each(['application/json', 'text/event-stream', 'multipart/mixed', '*/*', 'text/html'])(
    'GET that accepts %s',
    async (accept) => {
      const response = await fetch(address(), { headers: { accept } });
      if (accept !== 'text/html') expect(response.status).toBe(405);
      expect(await response.text()).not.toContain('"signUp"');
    },
  );
});

test('without introspection, errors contain no suggestions', async () => {
  const { body } = await send('query ($a: AgentOrder) { viewerr { role } agents(orderBy: $a, frist: 1) { nodes { nam } } }', {
    a: { feild: 'NAME' },
  });
  expect(body.errors.length).toBeGreaterThan(0);
  expect(JSON.stringify(body)).not.toContain('Did you mean');
  const variable = await send('mutation ($i: CreateAgentInput!) { createAgent(input: $i) { __typename } }', { i: { nmae: 'x' } });
  expect(variable.body.errors[0].extensions.code).toBe('VALIDATION_FAILED');
  expect(JSON.stringify(variable.body)).not.toContain('Did you mean');
});

test('aborted requests leave no connections open', async () => {
  const resources = () => process.getActiveResourcesInfo().filter((kind) => kind.startsWith('TCPS')).length;
  await send('{ __typename }');
  const before = resources();
  const sockets = await Promise.all(
    Array.from({ length: 100 }, async (_, index) => {
      const socket = connect(Number(new URL(server.origin).port), '127.0.0.1');
      socket.on('error', () => {});
      await once(socket, 'connect');
      // Half a header, half a body with Content-Length, half a chunk.
      socket.write('POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n');
      if (index % 3 === 1) socket.write('Content-Length: 1000\r\n\r\n{"query"');
      if (index % 3 === 2) socket.write('Transfer-Encoding: chunked\r\n\r\nff\r\n{"query"');
      return socket;
    }),
  );
  expect((await quickly(() => send('{ tenant { name } }'))).body.data.tenant.name).toBeTruthy();
  for (const socket of sockets) socket.destroy();
  await vi.waitFor(() => expect(resources()).toBeLessThanOrEqual(before + 2), { timeout: 5_000 });
  expect((await send('{ tenant { name } }')).body.data.tenant.name).toBeTruthy();
});

test('rejected operations of one client do not slow others', async () => {
  const start = performance.now();
  const hostile = Promise.all(Array.from({ length: 50 }, () => send(nested(10))));
  const others = await Promise.all(Array.from({ length: 10 }, () => send('{ tenant { name } }')));
  expect(others.every(({ body }) => body.data.tenant.name)).toBe(true);
  expect(performance.now() - start).toBeLessThan(5_000);
  await hostile;
});

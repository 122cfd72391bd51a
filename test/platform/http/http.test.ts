import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testDatabase } from '../../testkit/database.ts';
import { apiKey, conversation, type NewTenant, post, signUp, startTestServer, type TestServer } from '../../testkit/server.ts';

let server: TestServer;
let tenant: NewTenant;
const logged: string[] = [];

beforeAll(async () => {
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      logged.push(chunk.toString());
      done();
    },
  });
  server = await startTestServer(
    { METRICS_TOKEN: 'metrics-token', CORS_ORIGINS: 'https://dashboard.example.test' },
    pino({ level: 'trace' }, sink),
  );
  tenant = await signUp(server.url);
});
afterAll(() => server.close());

describe('credentials', () => {
  test('a request without a credential has no viewer', async () => {
    const { status, body } = await post(server.url, '{ viewer { role } }');
    expect([status, body.data.viewer]).toEqual([200, null]);
  });

  test.each(['Bearer nonsense', 'Bearer ab_live_nonsense', 'Basic dTpw', 'Bearer', 'Bearer a b'])(
    '%s is refused',
    async (authorization) => {
      const reply = await post(server.url, '{ viewer { role } }', {}, { authorization });
      expect(reply.status).toBe(401);
      expect(reply.headers.get('www-authenticate')).toBe('Bearer');
      expect(reply.body.errors[0].extensions.code).toBe('UNAUTHENTICATED');
    },
  );

  test('an API key allows what its scopes permit, and nothing after its revocation', async () => {
    const key = await apiKey(server.url, tenant, ['AGENTS_READ']);
    expect((await post(server.url, '{ agents { totalCount } }', {}, key)).body.data.agents.totalCount).toBe(0);
    expect((await post(server.url, '{ conversations { totalCount } }', {}, key)).body.errors[0].extensions.code).toBe(
      'FORBIDDEN',
    );
    const keys = await post(server.url, '{ apiKeys { nodes { id } } }', {}, tenant.authorization);
    await post(
      server.url,
      'mutation ($id: ID!) { revokeApiKey(input: { id: $id }) { __typename } }',
      { id: keys.body.data.apiKeys.nodes[0].id },
      tenant.authorization,
    );
    expect((await post(server.url, '{ agents { totalCount } }', {}, key)).status).toBe(401);
  });
});

describe('request ids', () => {
  test("are the client's own, and part of the response and the audit log", async () => {
    const headers = { ...tenant.authorization, 'x-request-id': 'trace-4711', 'user-agent': 'dashboard/1.0' };
    const made = await post(
      server.url,
      'mutation { createAgent(input: { name: "A", provider: "p", model: "m" }) { __typename } }',
      {},
      headers,
    );
    expect(made.headers.get('x-request-id')).toBe('trace-4711');
    const logs = await post(
      server.url,
      '{ auditLogs(filter: { requestId: "trace-4711" }) { nodes { action ip userAgent requestId user { email } } } }',
      {},
      tenant.authorization,
    );
    expect(logs.body.data.auditLogs.nodes).toEqual([
      {
        action: 'agent.created',
        ip: '127.0.0.1',
        userAgent: 'dashboard/1.0',
        requestId: 'trace-4711',
        user: { email: tenant.email },
      },
    ]);
  });

  test('are generated if the client sends none or an invalid one', async () => {
    for (const given of [undefined, 'x'.repeat(101), "'; DROP TABLE users"]) {
      const { headers } = await post(server.url, '{ __typename }', {}, given ? { 'x-request-id': given } : {});
      expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    }
  });
});

test('an unexpected error is masked, and logged with the request id', async () => {
  const { database } = server.app.services;
  const real = database.query;
  database.query = () => Promise.reject(new Error('SELECT secret FROM nowhere'));
  try {
    const { body, headers } = await post(
      server.url,
      '{ agent(id: "01a2062c-c764-73cb-95d8-81a7e2eb5f00") { id } }',
      {},
      tenant.authorization,
    );
    expect(body.errors[0]).toMatchObject({ message: 'Unexpected error.', extensions: { code: 'INTERNAL_SERVER_ERROR' } });
    expect(JSON.stringify(body)).not.toMatch(/secret|nowhere|stack/);
    expect(logged.some((line) => line.includes('nowhere') && line.includes(headers.get('x-request-id') ?? '?'))).toBe(true);
  } finally {
    database.query = real;
  }
});

test('no log line contains a password, token or key', async () => {
  const { conversationId } = await conversation(server.url, tenant);
  const key = await apiKey(server.url, tenant, ['CONVERSATIONS_WRITE']);
  await post(
    server.url,
    'mutation ($id: ID!) { appendMessage(input: { conversationId: $id, role: USER, content: "x" }) { __typename } }',
    { id: conversationId },
    key,
  );
  await post(server.url, 'mutation ($e: String!, $p: String!) { signIn(input: { email: $e, password: $p }) { __typename } }', {
    e: tenant.email,
    p: 'the wrong password',
  });
  await post(server.url, '{ viewer { role } }', {}, { authorization: 'Bearer eyJhbGciOiJub25lIn0.e30.' });
  const signedIn = await post(
    server.url,
    'mutation ($e: String!, $p: String!) { signIn(input: { email: $e, password: $p }) { ... on SignInPayload { accessToken refreshToken } } }',
    { e: tenant.email, p: tenant.password },
  );
  const { accessToken, refreshToken } = signedIn.body.data.signIn;
  const refresh = 'mutation ($t: String!) { refreshSession(input: { refreshToken: $t }) { __typename } }';
  // The second use of a refresh token counts as theft and is logged.
  for (let count = 0; count < 2; count++) await post(server.url, refresh, { t: refreshToken });
  const { auth } = server.app.services;
  const real = auth.verify;
  auth.verify = () => Promise.reject(new Error('an unexpected failure'));
  try {
    const failed = await post(server.url, '{ viewer { role } }', {}, key);
    expect([failed.status, failed.body.errors[0].extensions.code]).toEqual([500, 'INTERNAL_SERVER_ERROR']);
  } finally {
    auth.verify = real;
  }
  const lines = logged.join('');
  expect(lines).toContain('an unexpected failure');
  for (const secret of [
    tenant.password,
    tenant.authorization.authorization.slice(7),
    key.authorization.slice(7),
    'the wrong password',
    accessToken,
    refreshToken,
  ]) {
    expect(lines).not.toContain(secret);
  }
});

describe('other routes', () => {
  test('health reports the state of each dependency', async () => {
    const ready = await fetch(`${server.origin}/health/ready`);
    expect([ready.status, await ready.json()]).toEqual([
      200,
      { status: 'ready', parts: { postgres: 'ok', migrations: 'ok', storage: 'ok' } },
    ]);
    expect((await fetch(`${server.origin}/health/live`)).status).toBe(200);
    expect((await fetch(`${server.origin}/health`)).status).toBe(200);
  });

  test('metrics require the token', async () => {
    expect((await fetch(`${server.origin}/metrics`)).status).toBe(401);
    const metrics = await (
      await fetch(`${server.origin}/metrics`, { headers: { authorization: 'Bearer metrics-token' } })
    ).text();
    for (const name of [
      'agentbase_graphql_operation_seconds_count',
      'agentbase_database_statements_total',
      'agentbase_database_connections',
      'agentbase_live{what="subscribers"}',
      'agentbase_mcp{what="connections"}',
      'agentbase_runs_in_progress',
      'agentbase_run_seconds',
    ]) {
      expect(metrics).toContain(name);
    }
  });

  test('the published keys have no private part', async () => {
    const { keys } = (await (await fetch(`${server.origin}/.well-known/jwks.json`)).json()) as {
      keys: Record<string, unknown>[];
    };
    expect(keys.length).toBeGreaterThan(0);
    for (const key of keys) expect(Object.keys(key)).not.toEqual(expect.arrayContaining(['d']));
  });

  test('other paths return 404', async () => {
    expect((await fetch(`${server.origin}/admin`)).status).toBe(404);
    expect((await fetch(`${server.origin}/graphql/../etc/passwd`)).status).toBe(404);
  });

  test('CORS allows configured origins only', async () => {
    const preflight = (origin: string) =>
      fetch(server.url, {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' },
      });
    expect((await preflight('https://dashboard.example.test')).headers.get('access-control-allow-origin')).toBe(
      'https://dashboard.example.test',
    );
    expect((await preflight('https://evil.example.test')).headers.get('access-control-allow-origin')).not.toBe(
      'https://evil.example.test',
    );
  });

  test('a rejection has CORS headers for a configured origin', async () => {
    const refused = async (origin: string) => {
      const { status, headers } = await post(server.url, '{ __typename }', {}, { origin, authorization: 'Bearer nonsense' });
      return [status, headers.get('access-control-allow-origin')];
    };
    expect(await refused('https://dashboard.example.test')).toEqual([401, 'https://dashboard.example.test']);
    expect(await refused('https://evil.example.test')).toEqual([401, null]);
  });
});

test('a credential past its rate limit receives 429 with Retry-After', async () => {
  const limited = await startTestServer({ RATE_LIMIT_PER_MINUTE: '3' });
  try {
    const someone = await signUp(limited.url);
    const replies = [];
    for (let count = 0; count < 5; count++)
      replies.push(await post(limited.url, '{ tenant { name } }', {}, someone.authorization));
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200, 429, 429]);
    expect(Number(replies[4]?.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(replies[4]?.body.errors[0].extensions.code).toBe('RATE_LIMITED');
  } finally {
    await limited.close();
  }
});

test('persisted operations are executed by id, and PERSISTED_OPERATIONS_ONLY rejects others', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'agentbase-operations-'));
  const file = join(folder, 'operations.json');
  writeFileSync(file, JSON.stringify({ whoami: '{ viewer { role } }' }));
  const persisted = await startTestServer({ PERSISTED_OPERATIONS_FILE: file, PERSISTED_OPERATIONS_ONLY: 'true' });
  try {
    const send = async (body: object) => {
      const response = await fetch(persisted.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      return { status: response.status, body: await response.json() };
    };
    const byId = (id: string) => ({ extensions: { persistedQuery: { version: 1, sha256Hash: id } } });
    for (let time = 0; time < 2; time++) expect((await send(byId('whoami'))).body).toMatchObject({ data: { viewer: null } });
    expect((await send(byId('unknown'))).body).toMatchObject({ errors: [{ message: expect.stringContaining('Persisted') }] });
    expect((await send({ query: '{ viewer { role } }' })).body).toMatchObject({
      errors: [{ message: expect.stringContaining('Persisted') }],
    });
  } finally {
    await persisted.close();
    rmSync(folder, { recursive: true });
  }
});

test('invalid credentials count against the rate limit of their address', async () => {
  const limited = await startTestServer({ RATE_LIMIT_ANONYMOUS_PER_MINUTE: '3' });
  try {
    const replies = [];
    for (let count = 0; count < 5; count++)
      replies.push(await post(limited.url, '{ __typename }', {}, { authorization: `Bearer wrong-${count}` }));
    expect(replies.map(({ status }) => status)).toEqual([401, 401, 401, 429, 429]);
  } finally {
    await limited.close();
  }
});

describe('a valid credential without access counts against the rate limit of its address', () => {
  test.each([
    ['a suspended member', "UPDATE memberships SET status = 'SUSPENDED' WHERE user_id = $1", 403],
    ['a former member', 'DELETE FROM memberships WHERE user_id = $1', 403],
    ['a disabled account', "UPDATE users SET status = 'SUSPENDED' WHERE id = $1", 403],
    ['an ended session', 'UPDATE refresh_tokens SET revoked_at = now() WHERE user_id = $1', 401],
  ])('%s, over /graphql and /mcp', async (_who, change, status) => {
    const limited = await startTestServer({ RATE_LIMIT_ANONYMOUS_PER_MINUTE: '6' });
    try {
      const someone = await signUp(limited.url);
      const db = await testDatabase();
      const [user] = await db.ownerQuery<{ id: string }>('SELECT id FROM users WHERE email = $1', [someone.email]);
      // A tenant keeps an owner, whatever happens to this one.
      await db.ownerQuery(
        `WITH successor AS (INSERT INTO users (id, email) VALUES (gen_random_uuid(), gen_random_uuid() || '@example.test') RETURNING id)
         INSERT INTO memberships (tenant_id, id, user_id, role) SELECT m.tenant_id, gen_random_uuid(), successor.id, 'OWNER'
         FROM memberships m, successor WHERE m.user_id = $1`,
        [user?.id],
      );
      await db.ownerQuery(change, [user?.id]);
      const statuses: number[] = [];
      for (let count = 0; count < 8; count++) {
        const url = count % 2 === 0 ? limited.url : `${limited.origin}/mcp`;
        statuses.push((await post(url, '{ __typename }', {}, someone.authorization)).status);
      }
      // The sign-up was the first request of this address.
      expect(statuses).toEqual([...Array(5).fill(status), 429, 429, 429]);
    } finally {
      await limited.close();
    }
  });
});

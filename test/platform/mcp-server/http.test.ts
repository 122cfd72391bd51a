import { randomBytes } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestTenant } from '../../testkit/tenants.ts';
import { clientTo, type Installation, LIST_TOOLS, postMessage, startInstallation } from './mcp-installation.ts';

let installation: Installation;
let tenant: TestTenant;
let bearer: { authorization: string };

const PAGE = 'https://app.example.test';

beforeAll(async () => {
  installation = await startInstallation({ CORS_ORIGINS: PAGE, MAX_BODY_BYTES: '65536' });
  tenant = await installation.tenant();
  bearer = { authorization: `Bearer ${await installation.key(tenant, ['knowledge:read', 'agents:read'])}` };
});
afterAll(() => installation.close());

const post = (message: unknown, headers: Record<string, string> = bearer) => postMessage(installation.mcpUrl, message, headers);
const INITIALIZE = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
};

describe('authentication', () => {
  test.each([
    ['no credential', {}],
    ['an unknown API key', { authorization: `Bearer ab_live_${'x'.repeat(40)}` }],
    ['a malformed token', { authorization: 'Bearer a.b.c' }],
    ['another scheme', { authorization: 'Basic YTpi' }],
  ])('%s gets 401 with a challenge', async (_title, headers) => {
    for (const message of [INITIALIZE, LIST_TOOLS]) {
      const response = await post(message, headers as Record<string, string>);
      expect(response.status).toBe(401);
      expect(response.headers.get('www-authenticate')).toBe('Bearer');
      expect(await response.json()).toMatchObject({ jsonrpc: '2.0', id: null, error: { data: { code: 'UNAUTHENTICATED' } } });
    }
    const { open } = clientTo(installation.mcpUrl, headers as Record<string, string>);
    await expect(open()).rejects.toMatchObject({ code: 401 });
  });

  test('a revoked key is refused from the next request on', async () => {
    const secret = await installation.key(tenant, ['agents:read']);
    const client = await installation.connect(secret);
    expect((await client.listTools()).tools).toHaveLength(1);
    const { database, prisma, auth } = installation.app.services;
    const key = await database.transactionAs({ tenantId: tenant.id, userId: tenant.owner.userId }, async () => {
      const newest = await prisma.apiKey.findFirst({ orderBy: { createdAt: 'desc' }, select: { id: true } });
      await prisma.apiKey.updateMany({ where: { id: newest?.id }, data: { status: 'REVOKED', revokedAt: new Date() } });
      return newest;
    });
    auth.evict({ apiKeyId: key?.id ?? '' });
    await expect(client.listTools()).rejects.toMatchObject({ code: 401 });
  });

  test('limits the rate per credential, and per address without one', async () => {
    const limited = await startInstallation({ RATE_LIMIT_PER_MINUTE: '3', RATE_LIMIT_ANONYMOUS_PER_MINUTE: '2' });
    try {
      const key = { authorization: `Bearer ${await limited.key(tenant, ['agents:read'])}` };
      const statuses = async (headers: Record<string, string>) => {
        const found: number[] = [];
        for (let n = 0; n < 4; n += 1) found.push((await postMessage(limited.mcpUrl, LIST_TOOLS, headers)).status);
        return found;
      };
      expect(await statuses(key)).toEqual([200, 200, 200, 429]);
      expect(await statuses({})).toEqual([401, 401, 429, 429]);
      const refused = await postMessage(limited.mcpUrl, LIST_TOOLS, key);
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(await refused.json()).toMatchObject({ error: { data: { code: 'RATE_LIMITED' } } });
    } finally {
      await limited.close();
    }
  });
});

describe('messages', () => {
  test('a response is one JSON object with the id of the request, from any process', async () => {
    const second = await startInstallation();
    try {
      const session = await post(INITIALIZE, { ...bearer, 'x-request-id': 'mine-1' });
      expect(session.headers.get('x-request-id')).toBe('mine-1');
      expect(session.headers.get('content-type')).toBe('application/json');
      expect(session.headers.get('mcp-session-id')).toBeNull();
      // Another process, without the handshake.
      const elsewhere = await postMessage(second.mcpUrl, LIST_TOOLS, {
        authorization: `Bearer ${await second.key(tenant, ['agents:read'])}`,
        'mcp-protocol-version': '2025-11-25',
      });
      expect(await elsewhere.json()).toMatchObject({ id: 1, result: { tools: [{ name: 'list_agents' }] } });
    } finally {
      await second.close();
    }
  });

  test('accepts a notification with an empty response', async () => {
    const response = await post({ jsonrpc: '2.0', method: 'notifications/initialized' });
    expect([response.status, await response.text()]).toEqual([202, '']);
  });

  test.each([
    ['invalid JSON', '{"jsonrpc": ', -32700],
    ['a batch', [LIST_TOOLS, LIST_TOOLS], -32600],
    ['an empty batch', [], -32600],
    ['a number', 1, -32600],
    ['null', 'null', -32600],
    ['an object that is not a message', { refusal: { code: 1, message: 'mine' } }, -32700],
  ])('refuses %s', async (_title, body, code) => {
    const response = await post(body);
    expect([response.status, (await response.json()).error.code]).toEqual([400, code]);
  });

  test.each([
    ['an unknown method', { ...LIST_TOOLS, method: 'tools/destroy' }, -32601],
    ['a subscription, which needs a session', { ...LIST_TOOLS, method: 'resources/subscribe', params: { uri: 'a://b' } }, -32601],
    ['a log level, which needs a session', { ...LIST_TOOLS, method: 'logging/setLevel', params: { level: 'info' } }, -32601],
  ])('does not offer %s', async (_title, body, code) => {
    const response = await post(body);
    expect(await response.json()).toMatchObject({ id: 1, error: { code } });
  });

  test('refuses an unknown protocol version, another content type, and an Accept header without event streams', async () => {
    const status = async (headers: Record<string, string>) => (await post(LIST_TOOLS, { ...bearer, ...headers })).status;
    expect(await status({ 'mcp-protocol-version': '1999-01-01' })).toBe(400);
    expect(await status({ 'content-type': 'text/plain' })).toBe(415);
    expect(await status({ accept: 'application/json' })).toBe(406);
  });

  test('refuses every method but POST', async () => {
    for (const method of ['GET', 'DELETE', 'PUT']) {
      const response = await fetch(installation.mcpUrl, { method, headers: { ...bearer, accept: 'text/event-stream' } });
      expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
    }
    expect((await fetch(installation.mcpUrl)).status).toBe(401);
  });

  test('refuses an oversized body with and without Content-Length', async () => {
    const large = JSON.stringify({ ...LIST_TOOLS, params: { _meta: { filling: randomBytes(65_536).toString('hex') } } });
    const declared = await post(large);
    expect([declared.status, (await declared.json()).error.data.code]).toEqual([413, 'BODY_TOO_LARGE']);
    const { hostname, port } = new URL(installation.mcpUrl);
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const headers = { ...bearer, 'content-type': 'application/json', 'transfer-encoding': 'chunked' };
      const sending = httpRequest({ hostname, port, path: '/mcp', method: 'POST', headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      sending.on('error', reject);
      sending.write(large.slice(0, 70_000));
    });
    expect(status).toBe(413);
  });
});

describe('browser pages', () => {
  test.each(['https://evil.example.test', 'null', 'http://localhost:1', 'https://app.example.test.evil.test'])(
    'of the origin %s are refused, with and without a credential',
    async (origin) => {
      for (const headers of [{ ...bearer, origin }, { origin }]) {
        const response = await post(LIST_TOOLS, headers);
        expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([403, null]);
      }
    },
  );

  test('of a rebound host name are refused', async () => {
    const { hostname, port } = new URL(installation.mcpUrl);
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const headers = { ...bearer, host: 'evil.example.test', origin: 'http://evil.example.test' };
      httpRequest({ hostname, port, path: '/mcp', method: 'POST', headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end(JSON.stringify(LIST_TOOLS));
    });
    expect(status).toBe(403);
  });

  test('of a configured origin or of the server itself are allowed by CORS', async () => {
    const own = new URL(installation.origin);
    for (const origin of [PAGE, own.origin, `http://localhost:${own.port}`]) {
      const response = await post(LIST_TOOLS, { ...bearer, origin });
      expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([200, origin]);
      const refused = await post(LIST_TOOLS, { origin });
      expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([401, origin]);
    }
    const preflight = await fetch(installation.mcpUrl, {
      method: 'OPTIONS',
      headers: { origin: PAGE, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' },
    });
    expect([preflight.status, preflight.headers.get('access-control-allow-methods')]).toEqual([204, 'POST']);
    expect(preflight.headers.get('access-control-allow-headers')).toContain('authorization');
  });
});

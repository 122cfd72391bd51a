import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createSsrfSafeFetch } from '../../../src/platform/egress/ssrf-safe-fetch.ts';
import type { McpClientCredentials } from '../../../src/platform/mcp-client/endpoint.ts';
import { answer, protect, startAuthorizationServer } from './authorization-server.ts';
import { SignedInProvider } from './conformance-providers.ts';
import { event, json, startScriptedHttp } from './scripted-http.ts';
import { createClients, failure, remote, until } from './servers.ts';

const SECRET = 'the-secret-of-our-client';

async function scene(options: Parameters<typeof protect>[2] = {}) {
  const server = await startScriptedHttp();
  const authorizationServer = await startAuthorizationServer();
  protect(server, authorizationServer, options);
  const auth: McpClientCredentials = {
    kind: 'client_credentials',
    issuer: authorizationServer.issuer,
    clientId: 'agentbase',
    clientSecret: SECRET,
  };
  const fetch = createSsrfSafeFetch({ allow: ['127.0.0.0/8'] });
  onTestFinished(() => fetch.close());
  return { server, authorizationServer, auth, fetch, target: remote('STREAMABLE_HTTP', server.url, { auth }) };
}

test('all calls to a server share one token, also over a later connection', async () => {
  const { server, authorizationServer, fetch, target } = await scene();
  const clients = createClients({ fetch });
  const withKey = { ...target, headers: { 'x-api-key': 'only-for-the-mcp-server' } };
  await Promise.all(['a', 'b', 'c'].map((name) => clients.callTool(withKey, { name })));
  // After its session is lost, the next call reconnects.
  server.tools.lost = ({ response }) => void response.writeHead(404).end();
  expect(await failure(clients.callTool(withKey, { name: 'lost' }))).toMatchObject({ code: 'CRASHED' });
  await clients.callTool(withKey, { name: 'd' });
  expect(server.count('initialize')).toBeGreaterThan(2);
  const [request, ...others] = authorizationServer.requests;
  expect(others).toEqual([]);
  expect(request?.params).toEqual({ grant_type: 'client_credentials', resource: server.url, scope: 'read' });
  expect(request?.headers.authorization).toBe(`Basic ${btoa(`agentbase:${SECRET}`)}`);
  expect(request?.headers).not.toHaveProperty('x-api-key');
  await clients.forget(target.key);
  await clients.callTool(withKey, { name: 'e' });
  expect(authorizationServer.requests).toHaveLength(2);
});

test('null in a member of metadata or of a token is read as absent', async () => {
  const { server, authorizationServer, auth, fetch } = await scene({ named: { scopes_supported: null, resource_name: null } });
  authorizationServer.metadata = { registration_endpoint: null, scopes_supported: null, jwks_uri: null };
  authorizationServer.give = ({ response }) => {
    authorizationServer.tokens.set('good', 'read');
    answer(response, 200, { access_token: 'good', token_type: 'Bearer', expires_in: null, refresh_token: null, scope: null });
  };
  const clients = createClients({ fetch });
  const target = remote('STREAMABLE_HTTP', server.url, { auth });
  for (const name of ['a', 'b']) expect(await clients.callTool(target, { name })).toMatchObject({ isError: false });
  expect(authorizationServer.requests).toHaveLength(1);
});

test('a token that was taken back is replaced, once for all calls; so is one that is about to end', async () => {
  const { server, authorizationServer, fetch, target } = await scene();
  const clients = createClients({ fetch });
  await clients.callTool(target, { name: 'a' });
  authorizationServer.tokens.clear();
  await Promise.all(['b', 'c', 'd'].map((name) => clients.callTool(target, { name })));
  expect(authorizationServer.requests).toHaveLength(2);
  const refused = server.count('tools/call') - 4;
  expect(refused).toBeGreaterThan(0);
  const now = performance.now.bind(performance);
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => now() + 3_590_000);
  onTestFinished(() => clock.mockRestore());
  await clients.callTool(target, { name: 'e' });
  expect(authorizationServer.requests).toHaveLength(3);
  expect(server.count('tools/call')).toBe(5 + refused);
});

test('requests more scope if a tool needs it, and does not repeat a request that did not help', async () => {
  const { authorizationServer, fetch, target } = await scene({ needs: { write: 'write', admin: 'admin' } });
  const clients = createClients({ fetch });
  await clients.callTool(target, { name: 'read' });
  await clients.callTool(target, { name: 'write' });
  expect(authorizationServer.requests.map(({ params }) => params.scope)).toEqual(['read', 'read write']);
  authorizationServer.give = ({ response }) => answer(response, 200, { access_token: 'lesser', token_type: 'Bearer' });
  authorizationServer.tokens.set('lesser', 'read write');
  for (const _ of [1, 2]) {
    expect(await failure(clients.callTool(target, { name: 'admin' }))).toMatchObject({ code: 'REFUSED', mayHaveRun: false });
  }
  expect(authorizationServer.requests).toHaveLength(3);
  await clients.callTool(target, { name: 'write' });
});

test('sends credentials only to their issuer, whatever authorization server the MCP server names', async () => {
  const thief = await startAuthorizationServer();
  const { authorizationServer, fetch, target } = await scene({ named: { authorization_servers: [thief.issuer] } });
  await createClients({ fetch }).callTool(target, { name: 'a' });
  expect(authorizationServer.requests).toHaveLength(1);
  expect(thief.paths).toEqual([]);
});

test('refuses to request a token for another resource than the called server', async () => {
  const { authorizationServer, fetch, target } = await scene({ named: { resource: 'https://bank.example.com/mcp' } });
  expect(await failure(createClients({ fetch }).callTool(target, { name: 'a' }))).toMatchObject({
    code: 'REFUSED',
    message: 'The OAuth metadata of the MCP server names a different resource than the server.',
  });
  expect(authorizationServer.requests).toEqual([]);
});

test('error messages contain no secret', async () => {
  const { server, authorizationServer, fetch, target } = await scene();
  const clients = createClients({ fetch });
  const { give } = authorizationServer;
  const refuse = { error: 'invalid_client', error_description: `${SECRET} is wrong` };
  authorizationServer.give = ({ response }) => answer(response, 401, refuse);
  expect(await failure(clients.callTool(target, { name: 'a' }))).toMatchObject({
    code: 'REFUSED',
    message: 'The authorization server rejects the token request (invalid_client).',
  });
  authorizationServer.give = ({ response }) => answer(response, 500, { secret: SECRET });
  expect(await failure(clients.callTool(target, { name: 'a' }))).toMatchObject({
    code: 'UNREACHABLE',
    message: 'The authorization server failed to issue an access token.',
  });
  authorizationServer.give = ({ response }) => answer(response, 200, { access_token: `${SECRET}\n`, token_type: 'Bearer' });
  expect(await failure(clients.callTool(target, { name: 'a' }))).toMatchObject({
    code: 'PROTOCOL',
    message: 'The authorization server returned no usable Bearer token.',
  });
  authorizationServer.give = give;
  server.tools.leak = (heard) =>
    json(heard, { id: heard.message.id, error: { code: -32000, message: `${heard.headers.authorization} and ${SECRET}` } });
  const { message } = await failure(clients.callTool(target, { name: 'leak' }));
  expect(message).toBe('The MCP server returned an error: Bearer [redacted] and [redacted]');
});

test('a token request has a size limit and a timeout, can be aborted, and reaches only allowed addresses', async () => {
  const { authorizationServer, auth, fetch, target } = await scene();
  authorizationServer.give = ({ response }) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(`"${'x'.repeat(300_000)}"`);
  };
  expect(await failure(createClients({ fetch }).callTool(target, { name: 'a' }))).toMatchObject({ code: 'TOO_LARGE' });

  authorizationServer.give = () => {};
  const hurried = createClients({ fetch, connectTimeoutMs: 500 });
  expect(await failure(hurried.callTool(target, { name: 'a' }))).toMatchObject({ code: 'TIMEOUT', mayHaveRun: false });

  const clients = createClients({ fetch });
  const waiting = failure(clients.callTool(target, { name: 'a' }));
  const before = authorizationServer.requests.length;
  await until(() => authorizationServer.requests.length > before);
  await clients.close();
  expect(await waiting).toMatchObject({ code: 'ABORTED' });

  for (const issuer of ['http://10.0.0.1', 'https://169.254.169.254']) {
    const elsewhere = remote('STREAMABLE_HTTP', target.url ?? '', { auth: { ...auth, issuer } });
    expect(await failure(createClients({ fetch }).callTool(elsewhere, { name: 'a' }))).toMatchObject({ code: 'REFUSED' });
  }
});

test('sends the token over SSE too', async () => {
  const { authorizationServer, auth, fetch } = await scene();
  let events: ServerResponse | undefined;
  const server = createServer(async (request, response) => {
    const isGood = authorizationServer.tokens.has(request.headers.authorization?.replace('Bearer ', '') ?? '');
    const sent = await text(request);
    if (!isGood) response.writeHead(401, { 'www-authenticate': 'Bearer scope="read"' }).end();
    else if (request.method === 'GET') {
      events = response.writeHead(200, { 'content-type': 'text/event-stream' });
      events.write('event: endpoint\ndata: /message\n\n');
    } else {
      response.writeHead(202).end();
      const { id, method, params } = JSON.parse(sent);
      const greeting = { protocolVersion: params?.protocolVersion, capabilities: {}, serverInfo: { name: 'old', version: '1' } };
      if (id !== undefined) events?.write(event({ id, result: method === 'initialize' ? greeting : { content: [] } }));
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const clients = createClients({ fetch });
  const target = remote('SSE', `http://127.0.0.1:${(server.address() as AddressInfo).port}/sse`, { auth });
  expect(await clients.callTool(target, { name: 'a' })).toMatchObject({ isError: false });
  expect(authorizationServer.requests).toHaveLength(1);
  authorizationServer.tokens.clear();
  expect(await clients.callTool(target, { name: 'b' })).toMatchObject({ isError: false });
  expect(authorizationServer.requests).toHaveLength(2);
});

test('refreshes the tokens of a provider, and fails if the server requires an interactive sign-in', async () => {
  const { server, authorizationServer, fetch } = await scene();
  const { issuer } = authorizationServer;
  const authProvider = new SignedInProvider(fetch, { client_id: 'app', issuer });
  authProvider.saveTokens({ access_token: 'old', refresh_token: 'again', token_type: 'Bearer', issuer });
  const clients = createClients({ fetch });
  await clients.callTool(remote('STREAMABLE_HTTP', server.url, { authProvider }), { name: 'a' });
  expect(authorizationServer.requests.map(({ params }) => params)).toEqual([
    { grant_type: 'refresh_token', refresh_token: 'again', client_id: 'app', resource: server.url },
  ]);
  class Alone extends SignedInProvider {
    override redirectToAuthorization = async () => {};
    override authorizationCode = async () => '';
  }
  const alone = remote('STREAMABLE_HTTP', server.url, { authProvider: new Alone(fetch, { client_id: 'app', issuer }) });
  expect(await failure(clients.callTool(alone, { name: 'a' }))).toMatchObject({
    code: 'REFUSED',
    message: 'The MCP server requires a user to sign in, which is not supported.',
  });
});

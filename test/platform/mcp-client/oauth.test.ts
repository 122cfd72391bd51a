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

test('one token serves all calls of a target, and a later connection', async () => {
  const { server, authorizationServer, fetch, target } = await scene();
  const clients = createClients({ fetch });
  const withKey = { ...target, headers: { 'x-api-key': 'only-for-the-mcp-server' } };
  await Promise.all(['a', 'b', 'c'].map((name) => clients.callTool(withKey, { name })));
  // Without its session, the next call connects anew.
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

test('more is asked for when a tool needs it, and not again when it did not help', async () => {
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

test('credentials go to the authorization server they are for, whatever the MCP server names', async () => {
  const thief = await startAuthorizationServer();
  const { authorizationServer, fetch, target } = await scene({ named: { authorization_servers: [thief.issuer] } });
  await createClients({ fetch }).callTool(target, { name: 'a' });
  expect(authorizationServer.requests).toHaveLength(1);
  expect(thief.paths).toEqual([]);
});

test('no token is got for another server than the one that is asked', async () => {
  const { authorizationServer, fetch, target } = await scene({ named: { resource: 'https://bank.example.com/mcp' } });
  expect(await failure(createClients({ fetch }).callTool(target, { name: 'a' }))).toMatchObject({
    code: 'REFUSED',
    message: 'The MCP server asks for an access token for another server than itself.',
  });
  expect(authorizationServer.requests).toEqual([]);
});

test('no message repeats what is secret', async () => {
  const { server, authorizationServer, fetch, target } = await scene();
  const clients = createClients({ fetch });
  const { give } = authorizationServer;
  const refuse = { error: 'invalid_client', error_description: `${SECRET} is wrong` };
  authorizationServer.give = ({ response }) => answer(response, 401, refuse);
  expect(await failure(clients.callTool(target, { name: 'a' }))).toMatchObject({
    code: 'REFUSED',
    message: 'The authorization server gives us no access token (invalid_client).',
  });
  authorizationServer.give = ({ response }) => answer(response, 500, { secret: SECRET });
  expect(await failure(clients.callTool(target, { name: 'a' }))).toMatchObject({
    code: 'UNREACHABLE',
    message: 'The authorization server gave no access token.',
  });
  authorizationServer.give = ({ response }) => answer(response, 200, { access_token: `${SECRET}\n`, token_type: 'Bearer' });
  expect(await failure(clients.callTool(target, { name: 'a' }))).toMatchObject({
    code: 'PROTOCOL',
    message: 'The authorization server gave no token we could use.',
  });
  authorizationServer.give = give;
  server.tools.tell = (heard) =>
    json(heard, { id: heard.message.id, error: { code: -32000, message: `${heard.headers.authorization} and ${SECRET}` } });
  const { message } = await failure(clients.callTool(target, { name: 'tell' }));
  expect(message).toBe('The MCP server answered with an error: Bearer [redacted] and [redacted]');
});

test('the way to a token is bounded in size and time, and goes where it may', async () => {
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
  const asked = authorizationServer.requests.length;
  await until(() => authorizationServer.requests.length > asked);
  await clients.close();
  expect(await waiting).toMatchObject({ code: 'ABORTED' });

  for (const issuer of ['http://10.0.0.1', 'https://169.254.169.254']) {
    const elsewhere = remote('STREAMABLE_HTTP', target.url ?? '', { auth: { ...auth, issuer } });
    expect(await failure(createClients({ fetch }).callTool(elsewhere, { name: 'a' }))).toMatchObject({ code: 'REFUSED' });
  }
});

test('a token goes along over SSE too', async () => {
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

test('a provider of tokens is asked to refresh them, and may have nobody who signs in', async () => {
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
    message: 'The MCP server wants a person to sign in, and there is none.',
  });
});

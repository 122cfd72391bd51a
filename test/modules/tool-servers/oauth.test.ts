import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { pino } from 'pino';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { rotateEncryption } from '../../../src/modules/tool-servers/secrets/rotate-encryption.ts';
import { generateSealingKey, inlineSealingKeys, serializeSealingKeys } from '../../../src/platform/encryption/keys.ts';
import { createSealer } from '../../../src/platform/encryption/sealer.ts';
import { openMcp } from '../../../src/platform/mcp-client/mcp.ts';
import {
  type AuthorizationServer,
  answer,
  protect,
  startAuthorizationServer,
} from '../../platform/mcp-client/authorization-server.ts';
import { type TestGraph, testGraph } from '../../testkit/graph.ts';
import { asViewer, createTenant, type TestTenant, unique } from '../../testkit/tenants.ts';
import { configure, execute, loggedCalls, query, readyServer, refresh, rowsWith } from './mcp-fixtures.ts';
import { startToolServer, type ToolServer, text } from './tool-server.ts';

let graph: TestGraph;
let tenant: TestTenant;

beforeAll(async () => {
  graph = await testGraph();
  tenant = await createTenant(graph);
});

/** A server that requires valid access tokens, and its authorization server. */
async function scene(): Promise<{ server: ToolServer; authorizationServer: AuthorizationServer; issuer: string }> {
  const server = await startToolServer();
  onTestFinished(() => server.close());
  const authorizationServer = await startAuthorizationServer();
  protect(server, authorizationServer);
  return { server, authorizationServer, issuer: authorizationServer.issuer };
}

const pemOf = (key: KeyObject) => String(key.export({ type: 'pkcs8', format: 'pem' }));

async function oauthOf(serverId: string, of = tenant) {
  const source = 'query ($id: ID!) { mcpServer(id: $id) { config { oauth { issuer clientId scope algorithm } } } }';
  return (await query(graph, asViewer(of), source, { id: serverId })).mcpServer.config.oauth;
}

function sealedRow({ id }: TestTenant) {
  return graph.ownerQuery<{ oauth_secret: string; sealed_with: string; revision: number }>(
    'SELECT oauth_secret, sealed_with, revision FROM mcp_server_configs WHERE tenant_id = $1 AND oauth_secret IS NOT NULL',
    [id],
  );
}

describe('a server that requires access tokens', () => {
  test('receives a token; neither the token nor the client secret appears in results, logs or tables', async () => {
    const { server, authorizationServer, issuer } = await scene();
    const clientSecret = `s3cret-of-${unique('client')}`;
    const lines: string[] = [];
    const { log } = graph.services;
    graph.services.log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
    onTestFinished(() => {
      graph.services.log = log;
    });
    const mine = await createTenant(graph);
    const owner = asViewer(mine);
    const id = await readyServer(graph, mine, server.url, { oauth: { issuer, clientId: 'agentbase', clientSecret } });
    server.answer = ({ headers }) => text(`${headers.authorization} ${clientSecret}`);
    const said = await execute(graph, owner, id, 'echo', { message: `keep ${clientSecret}` });
    expect(said.output.content).toEqual([{ type: 'text', text: 'Bearer [redacted] [redacted]' }]);
    expect(authorizationServer.requests).toHaveLength(1);
    const [token = ''] = authorizationServer.tokens.keys();
    expect(server.seen[0]?.headers.authorization).toBe(`Bearer ${token}`);
    expect(await loggedCalls(graph, mine)).toMatchObject([{ status: 'SUCCESS', parameters: { message: 'keep [redacted]' } }]);

    authorizationServer.give = ({ response }) =>
      answer(response, 401, { error: 'invalid_client', error_description: `${clientSecret} is wrong` });
    authorizationServer.tokens.clear();
    const refused = await execute(graph, owner, id, 'echo', { message: 'hello' });
    expect(refused.execution).toMatchObject({ status: 'ERROR', errorCode: 'REFUSED' });
    const audit = await query(graph, owner, '{ auditLogs(first: 100) { nodes { action oldValues newValues } } }');
    expect(JSON.stringify(audit)).toContain('"oauth_secret":"[redacted]"');
    expect(await oauthOf(id, mine)).toEqual({ issuer, clientId: 'agentbase', scope: null, algorithm: null });
    const basic = btoa(`agentbase:${clientSecret}`);
    for (const secret of [clientSecret, token, basic]) {
      expect(JSON.stringify([said, refused, audit])).not.toContain(secret);
      expect(lines.join('')).not.toContain(secret);
      expect(await rowsWith(graph, secret)).toEqual([]);
    }
  });

  test('authenticates the client by private key and receives the configured scope', async () => {
    const { server, authorizationServer, issuer } = await scene();
    const privateKey = pemOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
    const mine = await createTenant(graph);
    const oauth = { issuer, clientId: 'agentbase', scope: 'read write', privateKey, algorithm: 'ES256' };
    const id = await readyServer(graph, mine, server.url, { oauth });
    server.answer = () => text(`PRIVATE: ${privateKey.split('\n')[1]}`);
    const said = await execute(graph, asViewer(mine), id, 'echo', { message: 'hello' });
    expect(said.output.content).toEqual([{ type: 'text', text: 'PRIVATE: [redacted]' }]);
    const { client_assertion: assertion = '', scope } = authorizationServer.requests[0]?.params ?? {};
    expect(scope).toBe('read write');
    expect(decodeProtectedHeader(assertion).alg).toBe('ES256');
    expect(decodeJwt(assertion)).toMatchObject({ iss: 'agentbase', sub: 'agentbase', aud: issuer });
    expect(await oauthOf(id, mine)).toEqual({ issuer, clientId: 'agentbase', scope: 'read write', algorithm: 'ES256' });
    for (const line of privateKey.split('\n').slice(1, -2)) expect(await rowsWith(graph, line)).toEqual([]);
  });

  test('is not called after OAuth is removed', async () => {
    const { server, issuer } = await scene();
    const mine = await createTenant(graph);
    const owner = asViewer(mine);
    const oauth = { issuer, clientId: 'agentbase', clientSecret: 'for-a-while' };
    const id = await readyServer(graph, mine, server.url, { oauth });
    await configure(graph, owner, id, { oauth: null });
    expect(await oauthOf(id, mine)).toBeNull();
    expect(await sealedRow(mine)).toEqual([]);
    expect((await execute(graph, owner, id, 'echo', { message: 'hello' })).execution).toMatchObject({ errorCode: 'REFUSED' });
    expect(server.seen).toEqual([]);
  });
});

describe('the client secret', () => {
  test('is kept when scope or headers change, and is not sent to another issuer or client', async () => {
    const { server, authorizationServer, issuer } = await scene();
    const mine = await createTenant(graph);
    const owner = asViewer(mine);
    const client = { issuer, clientId: 'agentbase' };
    const id = await readyServer(graph, mine, server.url, { oauth: { ...client, clientSecret: 'stays-as-it-is' } });
    const [before] = await sealedRow(mine);
    await configure(graph, owner, id, { oauth: { ...client, scope: 'more' }, secrets: { 'X-Key': 'a header' } });
    const [after] = await sealedRow(mine);
    expect(after?.revision).toBeGreaterThan(before?.revision ?? 0);
    await execute(graph, owner, id, 'echo', { message: 'hello' });
    expect(server.seen[0]?.headers['x-key']).toBe('a header');
    const last = authorizationServer.requests.at(-1);
    expect(last?.params.scope).toBe('more');
    expect(last?.headers.authorization).toBe(`Basic ${btoa('agentbase:stays-as-it-is')}`);

    const thief = await startAuthorizationServer();
    for (const other of [
      { ...client, issuer: thief.issuer },
      { ...client, clientId: 'other' },
    ]) {
      expect(await configure(graph, owner, id, { oauth: other })).toMatchObject({
        __typename: 'ValidationError',
        path: ['input', 'oauth', 'clientSecret'],
      });
    }
    expect(await oauthOf(id, mine)).toMatchObject({ issuer, clientId: 'agentbase', scope: 'more' });
    expect(thief.paths).toEqual([]);
  });

  test('is resealed by key rotation; calls are refused without its key', async () => {
    const { server, authorizationServer, issuer } = await scene();
    const { mcp, log, database, prisma } = graph.services;
    const under = (...keys: ReturnType<typeof generateSealingKey>[]) =>
      createSealer(inlineSealingKeys(serializeSealingKeys(keys)));
    const use = (sealer: ReturnType<typeof under>) => {
      const own = openMcp({ sealer, allowedNetworks: ['127.0.0.1'], idleMs: 60_000, maxConnections: 5, log });
      graph.services.mcp = own;
      onTestFinished(async () => {
        graph.services.mcp = mcp;
        await own.close();
      });
    };
    const [old, added] = [generateSealingKey(), generateSealingKey()];
    const mine = await createTenant(graph);
    const owner = asViewer(mine);
    use(under(old));
    const oauth = { issuer, clientId: 'agentbase', clientSecret: 'sealed-under-a-key' };
    const id = await readyServer(graph, mine, server.url, { oauth });
    expect(await sealedRow(mine)).toMatchObject([{ sealed_with: old.kid }]);
    use(under(added));
    expect(await execute(graph, owner, id, 'echo', { message: 'hello' })).toMatchObject({ __typename: 'InvalidStateError' });
    expect(await configure(graph, owner, id, { secrets: { 'X-Key': 'new' } })).toMatchObject({
      __typename: 'InvalidStateError',
      path: ['input', 'serverId'],
    });
    await rotateEncryption({ pool: graph.ownerPool, database, prisma, sealer: under(added, old) });
    expect(await sealedRow(mine)).toMatchObject([{ sealed_with: added.kid }]);
    await execute(graph, owner, id, 'echo', { message: 'hello' });
    expect(server.seen).toHaveLength(1);
    expect(authorizationServer.requests.at(-1)?.headers.authorization).toBe(`Basic ${btoa('agentbase:sealed-under-a-key')}`);
  });
});

describe('refuses OAuth configuration', () => {
  const client = { issuer: 'https://auth.example.test', clientId: 'agentbase' };
  const rsa = () => pemOf(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey);

  test.each<[string, string, () => Record<string, unknown>]>([
    ['without a credential', 'clientSecret', () => client],
    [
      'with a secret and a private key',
      'privateKey',
      () => ({ ...client, clientSecret: 'one', privateKey: rsa(), algorithm: 'RS256' }),
    ],
    ['with a secret and an algorithm', 'algorithm', () => ({ ...client, clientSecret: 'one', algorithm: 'RS256' })],
    ['with a private key without an algorithm', 'algorithm', () => ({ ...client, privateKey: rsa() })],
    [
      'with a private key that does not fit the algorithm',
      'privateKey',
      () => ({ ...client, privateKey: rsa(), algorithm: 'ES256' }),
    ],
    [
      'with text in place of a private key',
      'privateKey',
      () => ({ ...client, privateKey: 'confidential-text', algorithm: 'ES256' }),
    ],
    ['with a query in the issuer', 'issuer', () => ({ ...client, issuer: `${client.issuer}?a=b`, clientSecret: 'one' })],
    ['with a link-local issuer', 'issuer', () => ({ ...client, issuer: 'https://169.254.169.254', clientSecret: 'one' })],
    ['with an issuer that is not a URL', 'issuer', () => ({ ...client, issuer: 'auth.example.test', clientSecret: 'one' })],
    ['with a malformed scope', 'scope', () => ({ ...client, clientSecret: 'one', scope: 'a  "b"' })],
    ['with a line break in the secret', 'clientSecret', () => ({ ...client, clientSecret: 'confidential\ntext' })],
  ])('%s', async (_title, field, oauth) => {
    const mine = await createTenant(graph);
    const id = await readyServer(graph, mine, (await scene()).server.url);
    const refused = await configure(graph, asViewer(mine), id, { oauth: oauth() });
    expect(refused).toMatchObject({ __typename: 'ValidationError', path: ['input', 'oauth', field] });
    expect(refused.message).not.toContain('confidential');
    expect(await sealedRow(mine)).toEqual([]);
  });

  test('over plain HTTP to a public address', async () => {
    const { server } = await scene();
    const { mcp, log } = graph.services;
    const closed = openMcp({ sealer: mcp.sealer, allowedNetworks: [], idleMs: 1_000, maxConnections: 1, log });
    onTestFinished(() => {
      graph.services.mcp = mcp;
    });
    const mine = await createTenant(graph);
    const owner = asViewer(mine);
    const id = await readyServer(graph, mine, server.url);
    graph.services.mcp = closed;
    const oauth = { ...client, issuer: 'http://auth.example.test', clientSecret: 'one' };
    expect(await configure(graph, owner, id, { oauth })).toMatchObject({ path: ['input', 'oauth', 'issuer'] });
  });
});

test('a failed refresh reports the reason without the response of the authorization server', async () => {
  const { server, authorizationServer, issuer } = await scene();
  authorizationServer.give = ({ response }) => answer(response, 500, { secret: 'confidential' });
  const mine = await createTenant(graph);
  const owner = asViewer(mine);
  const id = await readyServer(graph, mine, server.url, {
    oauth: { issuer, clientId: 'agentbase', clientSecret: 'confidential' },
  });
  const refused = await refresh(graph, owner, id);
  expect(refused.message).toBe(
    'The tools of the server could not be listed. The authorization server failed to issue an access token.',
  );
});

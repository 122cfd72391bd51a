import { beforeAll, describe, expect, test } from 'vitest';
import type { Viewer } from '../../../src/platform/auth/viewer.ts';
import { encodeGlobalId } from '../../../src/platform/graphql/kit/global-id.ts';
import { openMcp } from '../../../src/platform/mcp-client/mcp.ts';
import { type TestGraph, testGraph } from '../../testkit/graph.ts';
import { asViewer, createTenant, type TestTenant, unique } from '../../testkit/tenants.ts';
import { configure, mutate, platformTenant, query, readyServer, refresh, tools } from './mcp-fixtures.ts';
import { echo, startToolServer } from './tool-server.ts';

let graph: TestGraph;
let platform: TestTenant;
let tenant: TestTenant;

beforeAll(async () => {
  graph = await testGraph();
  platform = await platformTenant(graph);
  tenant = await createTenant(graph, { members: ['ADMIN', 'VIEWER'], rows: ['api_keys', 'mcp_server_configs'] });
});

const SERVER = 'server { id slug status isPublic isPlatform command args url }';

function register(viewer: Viewer, input: Record<string, unknown>) {
  return mutate(graph, viewer, 'registerMcpServer', input, SERVER);
}

function registerForAll(isPublic: boolean) {
  const input = { name: unique('program'), transport: 'STDIO', command: 'node', args: ['{{root}}'], platform: true, isPublic };
  return register(asViewer(platform), input);
}

async function canSee(viewer: Viewer, id: string): Promise<boolean> {
  const data = await query(
    graph,
    viewer,
    'query ($id: ID!) { one: mcpServer(id: $id) { id } all: mcpServers(first: 100, filter: { owner: PLATFORM }) { nodes { id } } }',
    { id },
  );
  const isListed = data.all.nodes.some((node: { id: string }) => node.id === id);
  expect(isListed).toBe(data.one !== null);
  return isListed;
}

describe('ownership of a server', () => {
  test('a server of a tenant is invisible to other tenants and to the platform', async () => {
    const { server } = await register(asViewer(tenant, 'ADMIN'), {
      name: 'Own Server',
      transport: 'SSE',
      url: 'https://mcp.example.test/sse?key=for-admins',
    });
    expect(server).toMatchObject({ slug: 'own-server', isPlatform: false, status: 'ACTIVE' });
    const other = await createTenant(graph, { rows: ['api_keys', 'mcp_server_configs'] });
    for (const viewer of [asViewer(other), asViewer(platform)]) {
      expect(await query(graph, viewer, 'query ($id: ID!) { mcpServer(id: $id) { id } }', { id: server.id })).toEqual({
        mcpServer: null,
      });
      expect(await configure(graph, viewer, server.id, {})).toMatchObject({ __typename: 'NotFoundError' });
    }
    const url = (viewer: Viewer) => query(graph, viewer, 'query ($id: ID!) { mcpServer(id: $id) { url } }', { id: server.id });
    expect((await url(asViewer(tenant))).mcpServer.url).toContain('key=for-admins');
    expect((await url(asViewer(tenant, 'VIEWER'))).mcpServer.url).toBe('https://mcp.example.test/sse');
    const again = { name: 'Own Server', transport: 'SSE', url: 'https://mcp.example.test/sse' };
    expect((await register(asViewer(tenant), again)).server.slug).toMatch(/^own-server-/);
    expect(await register(asViewer(tenant), { ...again, slug: 'own-server' })).toMatchObject({ __typename: 'ConflictError' });
  });

  test('tenants see a public server of the platform; only platform administrators change it', async () => {
    const { server: shown } = await registerForAll(true);
    const { server: hidden } = await registerForAll(false);
    expect(shown).toMatchObject({ isPlatform: true, isPublic: true, command: 'node', args: ['{{root}}'] });
    expect(await canSee(asViewer(tenant), shown.id)).toBe(true);
    expect(await canSee(asViewer(tenant), hidden.id)).toBe(false);
    expect(await canSee(asViewer(platform), hidden.id)).toBe(true);
    expect(await canSee({ ...asViewer(platform), apiKeyId: platform.idOf('api_keys') }, hidden.id)).toBe(false);

    const details = await query(graph, asViewer(tenant), 'query ($id: ID!) { mcpServer(id: $id) { command args } }', {
      id: shown.id,
    });
    expect(details.mcpServer).toEqual({ command: null, args: null });
    expect(await configure(graph, asViewer(tenant), hidden.id, {})).toMatchObject({ __typename: 'NotFoundError' });
    expect(await configure(graph, asViewer(tenant), shown.id, { config: { root: '/srv' } })).toMatchObject({
      config: { enabled: true },
    });

    const rename = (viewer: Viewer) => mutate(graph, viewer, 'updateMcpServer', { id: shown.id, name: 'Renamed' }, SERVER);
    await expect(rename(asViewer(tenant))).rejects.toThrow(/^FORBIDDEN/);
    expect(await rename(asViewer(platform))).toMatchObject({ server: { id: shown.id } });
  });

  test('only platform administrators register servers of the platform, and not with an API key', async () => {
    const input = { name: unique('program'), transport: 'STDIO', command: 'node', platform: true };
    await expect(register(asViewer(tenant), input)).rejects.toThrow(/^FORBIDDEN/);
    await expect(register({ ...asViewer(platform), apiKeyId: platform.idOf('api_keys') }, input)).rejects.toThrow(/^FORBIDDEN/);
    expect(await register(asViewer(platform), { ...input, platform: false })).toMatchObject({
      __typename: 'ValidationError',
      path: ['input', 'transport'],
    });
    const isPlatformAdmin = (viewer: Viewer) => query(graph, viewer, '{ viewer { isPlatformAdmin } }');
    expect(await isPlatformAdmin(asViewer(platform))).toEqual({ viewer: { isPlatformAdmin: true } });
    expect(await isPlatformAdmin(asViewer(tenant))).toEqual({ viewer: { isPlatformAdmin: false } });
    expect(await isPlatformAdmin({ ...asViewer(platform), apiKeyId: platform.idOf('api_keys') })).toEqual({
      viewer: { isPlatformAdmin: false },
    });
  });

  test('filters lists', async () => {
    const mine = await createTenant(graph, { rows: ['api_keys', 'mcp_server_configs'] });
    const owner = asViewer(mine);
    await register(owner, { name: 'Weather', transport: 'SSE', url: 'https://mcp.example.test', category: 'DATA' });
    const names = async (filter: string) =>
      (
        await query(
          graph,
          owner,
          `{ mcpServers(first: 100, filter: { owner: TENANT, ${filter} }) { nodes { name } totalCount } }`,
        )
      ).mcpServers;
    expect(await names('category: [DATA]')).toEqual({ nodes: [{ name: 'Weather' }], totalCount: 1 });
    expect(await names('transport: [STREAMABLE_HTTP]')).toMatchObject({ nodes: [{ name: 'Server' }] });
    expect(await names('configured: false, status: [ACTIVE]')).toMatchObject({ nodes: [{ name: 'Weather' }] });
    expect(await names('search: "WEA"')).toMatchObject({ totalCount: 1 });
    const { mcpServers } = await query(
      graph,
      owner,
      '{ mcpServers(filter: { owner: TENANT, configured: true }) { nodes { config { id } } } }',
    );
    expect(mcpServers.nodes).toEqual([{ config: { id: encodeGlobalId('McpServerConfig', mine.idOf('mcp_server_configs')) } }]);
  });
});

describe('validation of a server', () => {
  const hostile = [
    'http://example.test/mcp',
    'https://127.0.0.1/mcp',
    'https://127.1/mcp',
    'https://2130706433/mcp',
    'https://0x7f.0.0.1/mcp',
    'https://0177.0.0.1/mcp',
    'https://10.0.0.1/mcp',
    'https://192.168.1.1/mcp',
    'https://169.254.169.254/latest/meta-data',
    'https://[::1]/mcp',
    'https://[::ffff:10.0.0.1]/mcp',
    'https://[fd00:ec2::254]/mcp',
    'https://[fe80::1]/mcp',
    'https://localhost/mcp',
    'https://metadata.google.internal/mcp',
    'https://user:secret@example.test/mcp',
    'https://example.test:22/mcp',
    'https://example.test/mcp#x',
    'file:///etc/passwd',
    'ftp://example.test/mcp',
    'https:\\\\example.test',
    'javascript:alert(1)',
    '',
  ];

  test.each(hostile)('refuses the URL %s', async (url) => {
    // As in an installation that allows no private network.
    const { mcp, log } = graph.services;
    const closed = openMcp({ sealer: mcp.sealer, allowedNetworks: [], idleMs: 1_000, maxConnections: 1, log });
    graph.services.mcp = closed;
    try {
      const refused = await register(asViewer(tenant), { name: 'Hostile', transport: 'STREAMABLE_HTTP', url });
      expect(refused).toMatchObject({ __typename: 'ValidationError', path: ['input', 'url'] });
      expect(closed.stats().connections).toBe(0);
    } finally {
      graph.services.mcp = mcp;
    }
  });

  test('checks the address of a host name when it connects', async () => {
    const { server } = await register(asViewer(tenant), {
      name: 'Astray',
      transport: 'STREAMABLE_HTTP',
      url: 'https://rebinding.invalid/mcp',
    });
    await configure(graph, asViewer(tenant), server.id, {});
    expect(await refresh(graph, asViewer(tenant), server.id)).toMatchObject({ __typename: 'InvalidStateError' });
  });

  test.each([
    ['a command without a platform server', { transport: 'SSE', url: 'https://a.example.test', command: 'sh' }, 'command'],
    ['a missing URL', { transport: 'SSE' }, 'url'],
    [
      'an invalid config schema',
      { transport: 'SSE', url: 'https://a.example.test', configSchema: { type: 'nonsense' } },
      'configSchema',
    ],
    [
      'a config schema with a remote reference',
      { transport: 'SSE', url: 'https://a.example.test', configSchema: { $ref: 'https://elsewhere.example.test/schema' } },
      'configSchema',
    ],
    ['a public server of a tenant', { transport: 'SSE', url: 'https://a.example.test', isPublic: true }, 'isPublic'],
  ])('refuses %s', async (_title, input, field) => {
    const refused = await register(asViewer(tenant), { name: 'Bad', ...input });
    expect(refused).toMatchObject({ __typename: 'ValidationError', path: ['input', field] });
  });

  test('a change of origin drops the secrets and withdraws all approvals', async () => {
    const before = await startToolServer();
    const after = await startToolServer([{ ...echo, description: 'Another description.' }]);
    const owner = asViewer(tenant);
    const id = await readyServer(graph, tenant, before.url, {
      secrets: { Authorization: 'Bearer for-the-first' },
      oauth: { issuer: before.origin, clientId: 'agentbase', clientSecret: 'for-the-first' },
    });
    expect((await tools(graph, owner, id)).echo?.status).toBe('APPROVED');
    await mutate(graph, owner, 'updateMcpServer', { id, url: `${before.url}?page=2` }, SERVER);
    expect((await tools(graph, owner, id)).echo?.status).toBe('APPROVED');

    await mutate(graph, owner, 'updateMcpServer', { id, url: after.url }, SERVER);
    expect((await tools(graph, owner, id)).echo?.status).toBe('WITHDRAWN');
    const config = 'query ($id: ID!) { mcpServer(id: $id) { config { secretNames oauth { issuer } refreshedAt } } }';
    expect((await query(graph, owner, config, { id })).mcpServer.config).toEqual({
      secretNames: [],
      oauth: null,
      refreshedAt: null,
    });
    await refresh(graph, owner, id);
    expect((await tools(graph, owner, id)).echo).toMatchObject({ status: 'APPROVED', description: 'Another description.' });
    expect(after.seen).toEqual([]);
    await Promise.all([before.close(), after.close()]);
  });
});

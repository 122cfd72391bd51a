import { pino } from 'pino';
import { beforeAll, describe, expect, test } from 'vitest';
import { rotateEncryption } from '../../../src/modules/tool-servers/secrets/rotate-encryption.ts';
import { generateSealingKey, inlineSealingKeys, serializeSealingKeys } from '../../../src/platform/encryption/keys.ts';
import { createSealer, type Sealer } from '../../../src/platform/encryption/sealer.ts';
import { openMcp } from '../../../src/platform/mcp-client/mcp.ts';
import { type TestGraph, testGraph } from '../../testkit/graph.ts';
import { asViewer, createTenant, type TestTenant, unique } from '../../testkit/tenants.ts';
import { configure, execute, loggedCalls, mutate, query, readyServer, refresh, rowsWith, tools } from './mcp-fixtures.ts';
import { echo, startToolServer, type ToolServer, text } from './tool-server.ts';

let graph: TestGraph;
let server: ToolServer;
let tenant: TestTenant;

beforeAll(async () => {
  graph = await testGraph();
  server = await startToolServer();
  tenant = await createTenant(graph, { members: ['MEMBER'] });
});

/** Replaces the MCP service by one with another sealer. Returns a function that restores it. */
function withSealer(sealer: Sealer) {
  const { log, mcp } = graph.services;
  graph.services.mcp = openMcp({ sealer, allowedNetworks: ['127.0.0.1'], idleMs: 60_000, maxConnections: 5, log });
  return async () => {
    await graph.services.mcp.close();
    graph.services.mcp = mcp;
  };
}

function sealedRow({ id }: TestTenant, serverUuid?: string) {
  return graph.ownerQuery<{ id: string; secrets: string; sealed_with: string; secret_names: string[] }>(
    'SELECT id, secrets, sealed_with, secret_names FROM mcp_server_configs WHERE tenant_id = $1 AND secrets IS NOT NULL AND ($2::uuid IS NULL OR server_id = $2)',
    [id, serverUuid ?? null],
  );
}

describe('secrets of a server', () => {
  test('do not appear in GraphQL, logs, errors, the audit log or any column, even if the server returns them', async () => {
    const secret = `s3cret/${unique('of')}+"quoted"`;
    const spellings = [
      secret,
      JSON.stringify(secret).slice(1, -1),
      encodeURIComponent(secret),
      Buffer.from(secret).toString('base64'),
    ];
    const lines: string[] = [];
    const { log } = graph.services;
    graph.services.log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
    const viewer = asViewer(tenant, 'MEMBER');
    // Returns the secret in every field that is stored or shown.
    const leaky = await startToolServer([
      echo,
      {
        name: 'leaky',
        description: `The key is ${secret}.`,
        inputSchema: { type: 'object', description: secret },
        title: secret,
      },
      { name: `tool ${secret}`, inputSchema: { type: 'object' } },
    ]);
    leaky.resources = [{ uri: `memo://${encodeURIComponent(secret)}`, name: secret, description: secret }];
    leaky.answer = ({ name, headers }) => {
      const [, sent] = headers.authorization?.split(' ') ?? [];
      if (name === 'leaky') return text(`No: ${spellings.join(' ')}`, true);
      return {
        ...text(JSON.stringify({ sent, text: spellings })),
        structuredContent: { [secret]: [spellings, { password: 'also' }] },
      };
    };
    const responses: unknown[] = [];
    const id = await readyServer(graph, tenant, leaky.url, { secrets: { Authorization: `Bearer ${secret}`, 'X-Key': secret } });
    responses.push(await execute(graph, viewer, id, 'echo', { message: `give ${secret}` }));
    responses.push(await execute(graph, viewer, id, 'leaky', { token: 'confidential', nested: { secret: [1] }, mine: secret }));
    responses.push(await execute(graph, viewer, id, 'echo', { message: secret, [secret]: 1 }).catch(String));
    responses.push(await tools(graph, viewer, id));
    responses.push(
      await query(
        graph,
        asViewer(tenant),
        `query ($id: ID!) {
          mcpServer(id: $id) { url metadata config { config secretNames envNames refreshError resources { nodes { uri name description } }
            tools { nodes { name title description inputSchema annotations } } } }
          mcpToolExecutions { nodes { parameters result errorMessage metadata } }
          auditLogs(first: 100) { nodes { action oldValues newValues } } }`,
        { id },
      ),
    );
    expect(leaky.seen.map(({ headers }) => headers.authorization)).toEqual([`Bearer ${secret}`, `Bearer ${secret}`]);
    graph.services.log = log;

    const [first, second, third] = await loggedCalls(graph, tenant);
    expect(first).toMatchObject({ status: 'SUCCESS', parameters: { message: 'give [redacted]' } });
    const redacted = { '[redacted]': [spellings.map(() => '[redacted]'), { password: '[redacted]' }] };
    expect(first?.result).toMatchObject({ structuredContent: redacted });
    expect(second).toMatchObject({
      status: 'ERROR',
      error_code: 'TOOL_ERROR',
      parameters: { token: '[redacted]', nested: { secret: '[redacted]' }, mine: '[redacted]' },
    });
    expect(third).toMatchObject({ status: 'ERROR', error_code: 'ARGUMENTS_INVALID' });
    for (const spelling of spellings) {
      expect(JSON.stringify(responses)).not.toContain(spelling);
      expect(lines.join('')).not.toContain(spelling);
      expect(await rowsWith(graph, spelling)).toEqual([]);
    }
    expect(await sealedRow(tenant)).toMatchObject([{ secret_names: ['Authorization', 'X-Key'] }]);
    // Control: the search finds text that is not secret.
    expect(await rowsWith(graph, 'give [redacted]')).toEqual(['mcp_tool_executions']);
    await leaky.close();
  });

  test('are changed by name: null removes a secret, omitted names keep theirs', async () => {
    const mine = await createTenant(graph);
    const owner = asViewer(mine);
    const id = await readyServer(graph, mine, server.url, { secrets: { Authorization: 'Bearer one', 'X-Other': 'other' } });
    const names = async (secrets: Record<string, unknown>) => (await configure(graph, owner, id, { secrets })).config.secretNames;
    expect(await names({ authorization: 'Bearer two' })).toEqual(['X-Other', 'authorization']);
    expect(await names({ 'X-Other': null })).toEqual(['authorization']);
    expect((await configure(graph, owner, id, { enabled: true })).config.secretNames).toEqual(['authorization']);
    await execute(graph, owner, id, 'echo', { message: 'hello' });
    expect(server.seen.at(-1)?.headers).toMatchObject({ authorization: 'Bearer two' });
    expect(server.seen.at(-1)?.headers['x-other']).toBeUndefined();
    expect(await names({ AUTHORIZATION: null })).toEqual([]);
    expect(await sealedRow(mine)).toEqual([]);
  });

  test.each([
    [{ 'Bad Name': 'x' }],
    [{ Host: 'elsewhere.example.test' }],
    [{ 'Mcp-Session-Id': 'x' }],
    [{ Key: 'two\r\nlines: x' }],
    [{ Key: '' }],
    [{ Key: 5 }],
    [{ Key: 'x'.repeat(8_193) }],
  ])('refuse %o as a header, without its value in the error', async (secrets) => {
    const mine = await createTenant(graph);
    const own = await readyServer(graph, mine, server.url);
    const refused = await configure(graph, asViewer(mine), own, { secrets });
    expect(refused).toMatchObject({ __typename: 'ValidationError', path: expect.arrayContaining(['input', 'secrets']) });
    expect(refused.message).not.toContain(String(Object.values(secrets)[0] || 'nothing'));
  });

  test('are sent to read a resource and redacted in its content', async () => {
    const mine = await createTenant(graph, { members: ['VIEWER'] });
    const id = await readyServer(graph, mine, server.url, { secrets: { Authorization: 'Bearer of-the-resource' } });
    const list = 'query ($id: ID!) { mcpServer(id: $id) { config { resources { nodes { id uri mimeType } } } } }';
    const [resource] = (await query(graph, asViewer(mine), list, { id })).mcpServer.config.resources.nodes;
    expect(resource).toMatchObject({ uri: 'memo://1', mimeType: 'text/plain' });
    const read = 'query ($id: ID!) { readMcpResource(id: $id) { uri text blob } }';
    expect(await query(graph, asViewer(mine), read, resource)).toEqual({
      readMcpResource: [{ uri: 'memo://1', text: 'You sent [redacted]', blob: null }],
    });
    await expect(query(graph, asViewer(mine, 'VIEWER'), read, resource)).rejects.toThrow(/^FORBIDDEN/);
    await expect(query(graph, asViewer(await createTenant(graph)), read, resource)).rejects.toThrow(/^NOT_FOUND/);
  });
});

describe('sealing keys', () => {
  test('rotation reseals rows under the new key, which then opens them without the old one', async () => {
    const { key: old, mine, id } = await sealedUnder();
    const added = generateSealingKey();
    const both = createSealer(inlineSealingKeys(serializeSealingKeys([added, old])));
    const { ownerPool, database, prisma } = graph;
    const progress: number[] = [];
    const done = await rotateEncryption({
      pool: ownerPool,
      database,
      prisma,
      sealer: both,
      onProgress: ({ resealed }) => progress.push(resealed),
    });
    expect(done.resealed).toBeGreaterThanOrEqual(1);
    expect(progress.at(-1)).toBe(done.resealed);
    expect(await sealedRow(mine)).toMatchObject([{ sealed_with: added.kid }]);
    // Rows of other tests are sealed under unknown keys and fail again; nothing else is left to reseal.
    expect(await rotateEncryption({ pool: ownerPool, database, prisma, sealer: both })).toMatchObject({
      resealed: 0,
      failed: done.failed,
    });

    const restore = withSealer(createSealer(inlineSealingKeys(serializeSealingKeys([added]))));
    await execute(graph, asViewer(mine), id, 'echo', { message: 'under the new key' });
    expect(server.seen.at(-1)?.headers.authorization).toBe('Bearer sealed-under-a-key');
    await restore();
  });

  test('a missing key refuses calls, refresh and changes, and records the call', async () => {
    const { mine, id } = await sealedUnder();
    const restore = withSealer(createSealer(inlineSealingKeys(serializeSealingKeys([generateSealingKey()]))));
    const calls = server.seen.length;
    const refused = await execute(graph, asViewer(mine), id, 'echo', { message: 'hello' });
    expect(refused).toMatchObject({ __typename: 'InvalidStateError' });
    expect(await loggedCalls(graph, mine)).toMatchObject([{ status: 'ERROR', error_code: 'NOT_CONFIGURED', parameters: {} }]);
    expect(await refresh(graph, asViewer(mine), id)).toMatchObject({ __typename: 'InvalidStateError' });
    expect(await configure(graph, asViewer(mine), id, { secrets: { 'X-New': 'new' } })).toMatchObject({
      __typename: 'InvalidStateError',
      path: ['input', 'secrets'],
    });
    expect(server.seen.length).toBe(calls);
    await restore();
  });

  test('a sealed value copied to the row of another tenant does not open', async () => {
    const mine = await createTenant(graph);
    const theirs = await createTenant(graph);
    const secrets = { Authorization: 'Bearer of-another-tenant' };
    await readyServer(graph, theirs, server.url, { secrets });
    const id = await readyServer(graph, mine, server.url, { secrets: { Authorization: 'Bearer my-own' } });
    const [stolen] = await sealedRow(theirs);
    await graph.ownerQuery('UPDATE mcp_server_configs SET secrets = $1 WHERE tenant_id = $2 AND secrets IS NOT NULL', [
      stolen?.secrets,
      mine.id,
    ]);
    const calls = server.seen.length;
    expect(await execute(graph, asViewer(mine), id, 'echo', { message: 'hello' })).toMatchObject({
      __typename: 'InvalidStateError',
    });
    expect(server.seen.length).toBe(calls);
  });

  /** A tenant whose secrets are sealed under its own key. */
  async function sealedUnder() {
    const key = generateSealingKey();
    const restore = withSealer(createSealer(inlineSealingKeys(serializeSealingKeys([key]))));
    const mine = await createTenant(graph);
    const id = await readyServer(graph, mine, server.url, { secrets: { Authorization: 'Bearer sealed-under-a-key' } });
    await restore();
    expect(await sealedRow(mine)).toMatchObject([{ sealed_with: key.kid }]);
    return { key, mine, id };
  }
});

test('validates a configuration against the schema of its server', async () => {
  const mine = await createTenant(graph);
  const owner = asViewer(mine);
  const configSchema = {
    type: 'object',
    properties: { region: { enum: ['eu', 'us'] }, name: { pattern: '^(a+)+$' } },
    required: ['region'],
    additionalProperties: false,
  };
  const input = { name: 'Strict', transport: 'STREAMABLE_HTTP', url: server.url, configSchema };
  const { server: strict } = await mutate(graph, owner, 'registerMcpServer', input, 'server { id }');
  const set = (config?: unknown, rest = {}) =>
    configure(graph, owner, strict.id, { ...(config === undefined ? {} : { config }), ...rest });
  expect(await set()).toMatchObject({ __typename: 'ValidationError', path: ['input', 'config', 'region'] });
  expect(await set({ region: 'mars' })).toMatchObject({ path: ['input', 'config', 'region'] });
  expect(await set({ region: 'eu', extra: 1 })).toMatchObject({
    path: ['input', 'config', 'extra'],
    message: 'Is not a known property.',
  });
  // The validation of a pattern with exponential backtracking is aborted.
  const start = performance.now();
  expect(await set({ region: 'eu', name: `${'a'.repeat(60)}!` })).toMatchObject({ message: 'Takes too long to validate.' });
  expect(performance.now() - start).toBeLessThan(5_000);
  expect(await set({ region: 'eu' }, { env: { TOKEN: 'x' } })).toMatchObject({ path: ['input', 'env'] });
  for (const limits of [{ timeoutMs: 99 }, { timeoutMs: 300_001 }, { memoryMb: 16 }, { concurrency: 33 }]) {
    expect(await set({ region: 'eu' }, { limits })).toMatchObject({ __typename: 'ValidationError' });
  }
  const stranger = (await createTenant(graph)).owner.userId;
  expect(await set({ region: 'eu' }, { allowedUserIds: [mine.owner.userId, stranger] })).toMatchObject({
    __typename: 'NotFoundError',
    path: ['input', 'allowedUserIds', '1'],
  });
  expect(await set({ region: 'eu' })).toMatchObject({ config: { config: { region: 'eu' }, enabled: true } });
});

import { beforeAll, expect, test } from 'vitest';
import { validateJson } from '../../../src/modules/tool-servers/json-schema/json-schema.ts';
import { checkConfig, configureMcpServer } from '../../../src/modules/tool-servers/servers/configure.ts';
import type { Viewer } from '../../../src/platform/auth/viewer.ts';
import { parseId } from '../../../src/platform/graphql/kit/global-id.ts';
import { newId } from '../../../src/platform/lib/ids.ts';
import { runWithContext } from '../../../src/platform/postgres/request-scope.ts';
import { type TestGraph, testGraph } from '../../testkit/graph.ts';
import { asViewer, contextOf, createTenant } from '../../testkit/tenants.ts';
import { mutate, type Result } from './mcp-fixtures.ts';

const slow = { type: 'object', properties: { name: { type: 'string', pattern: '^(a+)+$' } } };
const hopeless = { name: `${'a'.repeat(50)}!` };

let graph: TestGraph;

beforeAll(async () => {
  graph = await testGraph();
});

/** A server of the tenant whose schema has a pattern that backtracks without end. */
async function slowServer(viewer: Viewer): Promise<string> {
  const input = { name: 'Slow', transport: 'STREAMABLE_HTTP', url: 'https://slow.example.test/mcp', configSchema: slow };
  return (await mutate(graph, viewer, 'registerMcpServer', input, 'server { id }')).server.id;
}

function configure(viewer: Viewer, serverId: string): Promise<Result> {
  return mutate(graph, viewer, 'configureMcpServer', { serverId, config: hopeless }, 'config { id }');
}

test('a person has one budget of computing time in all tenants, and others are not affected', async () => {
  const person = newId();
  const servers: [Viewer, string][] = [];
  for (let count = 0; count < 4; count++) {
    const tenant = await createTenant(graph);
    await graph.database.transactionAs({ tenantId: tenant.id, userId: person }, async () => {
      if (count === 0) await graph.prisma.user.create({ data: { id: person, email: `${person}@example.test` } });
      await graph.prisma.membership.create({ data: { tenantId: tenant.id, id: newId(), userId: person, role: 'OWNER' } });
    });
    const viewer = { ...asViewer(tenant), userId: person };
    servers.push([viewer, await slowServer(viewer)]);
  }
  const messages = new Set<string>();
  // A check takes at most 250 ms, and less of the computing time on a busy machine.
  for (let call = 0; call < 100 && messages.size < 2; call++) {
    const [viewer, serverId] = servers[call % servers.length] as [Viewer, string];
    messages.add((await configure(viewer, serverId)).message);
  }
  expect([...messages]).toEqual([
    'Takes too long to validate.',
    expect.stringContaining('your schemas took more than 2 seconds of computing time within a minute'),
  ]);
  for (const [viewer, serverId] of servers) expect((await configure(viewer, serverId)).code).toBe('INVALID_STATE');

  const other = asViewer(await createTenant(graph));
  const input = { serverId: await slowServer(other), config: { name: 'aaa' } };
  expect(await mutate(graph, other, 'configureMcpServer', input, 'config { config }')).toMatchObject({
    config: { config: { name: 'aaa' } },
  });
});

test('a pattern that backtracks holds neither the event loop nor a transaction', async () => {
  const viewer = asViewer(await createTenant(graph));
  const serverId = await slowServer(viewer);
  await runWithContext({}, () => validateJson(slow, { name: 'aaa' }));
  let turns = 0;
  const count = () => {
    turns++;
    timer = setImmediate(count);
  };
  let timer = setImmediate(count);
  const answer = await graph.execute(
    viewer,
    `mutation ($input: ConfigureMcpServerInput!) { r: configureMcpServer(input: $input) { ... on UserError { code message } } }`,
    { input: { serverId, config: hopeless } },
  );
  clearImmediate(timer);
  expect(answer.data?.r).toEqual({ code: 'VALIDATION_FAILED', message: 'Takes too long to validate.' });
  // On the thread of the event loop, the check of 250 ms would be a part of one turn, beside few for the statements.
  expect(turns).toBeGreaterThan(100);
  expect(answer.statements.filter((text) => text.startsWith('BEGIN'))).toEqual([]);
});

test('compiles a schema before the transaction of a registration', async () => {
  const viewer = asViewer(await createTenant(graph));
  const answer = await graph.execute(
    viewer,
    'mutation ($input: RegisterMcpServerInput!) { r: registerMcpServer(input: $input) { ... on UserError { code path } } }',
    { input: { name: 'Bad', transport: 'STREAMABLE_HTTP', url: 'https://bad.example.test', configSchema: { type: 'nonsense' } } },
  );
  expect(answer.data?.r).toEqual({ code: 'VALIDATION_FAILED', path: ['input', 'configSchema'] });
  expect(answer.statements.filter((text) => text.startsWith('BEGIN'))).toEqual([]);
});

test('does not store a configuration that was checked against an earlier version of the server', async () => {
  const tenant = await createTenant(graph);
  const viewer = asViewer(tenant);
  const serverId = parseId('McpServer', await slowServer(viewer), []);
  const stored = runWithContext(contextOf(tenant), async () => {
    const checked = await checkConfig(graph.services, serverId, { name: 'aaa' });
    await mutate(graph, viewer, 'updateMcpServer', { id: serverId, configSchema: { required: ['other'] } }, 'server { id }');
    return graph.database.transaction(() => configureMcpServer(graph.services, viewer, checked, { config: { name: 'aaa' } }));
  });
  await expect(stored).rejects.toMatchObject({ code: 'CONFLICT', inputPath: ['input', 'serverId'] });
});

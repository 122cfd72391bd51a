import type { Tool } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Permission, permissionsOfScope, registeredScopes, type Scope } from '../../../../src/platform/auth/permissions.ts';
import type { Viewer } from '../../../../src/platform/auth/viewer.ts';
import { newId } from '../../../../src/platform/lib/ids.ts';
import { pick } from '../../../testkit/graph.ts';
import { randomHash, type TestTenant, unique } from '../../../testkit/tenants.ts';
import { readyServer } from '../../tool-servers/mcp-fixtures.ts';
import { startToolServer, type ToolServer, text } from '../../tool-servers/tool-server.ts';
import { type RunState, useRunHarness } from '../run-harness.ts';
import { reply, requestTool } from '../scripted-models.ts';

const harness = useRunHarness();
const lookUp: Tool = { name: 'look_up', description: 'Looks it up.', inputSchema: { type: 'object' } };
let server: ToolServer;
let slug: string;

beforeAll(async () => {
  server = await startToolServer([lookUp]);
  server.answer = () => text('Found.');
  await readyServer(harness.graph, harness.tenant as TestTenant, server.url);
  const [row] = await harness.graph.ownerQuery<{ slug: string }>('SELECT slug FROM mcp_servers WHERE tenant_id = $1', [
    harness.tenant.id,
  ]);
  slug = row?.slug ?? '';
});
afterAll(() => server.close());

/** An API key of the owner, as the viewer of a request. */
async function keyWith(scopes: Scope[]): Promise<Viewer> {
  const { graph, tenant, viewer } = harness;
  const id = newId();
  const key = { tenantId: tenant.id, id, userId: tenant.owner.userId, name: 'Key', keyHash: randomHash() };
  await graph.database.transactionAs({ tenantId: tenant.id, userId: tenant.owner.userId }, () =>
    graph.prisma.apiKey.create({ data: { ...key, keyPrefix: unique('key').slice(0, 12), scopes } }),
  );
  return { ...viewer, apiKeyId: id, permissions: new Set(scopes.flatMap(permissionsOfScope)) };
}

/** A run of an agent with all kinds of tools, which the owner configured, that a viewer starts and that calls each of them. */
async function callAll(starter: Viewer): Promise<RunState['toolCalls']['nodes']> {
  const { graph, models, agent, conversation, untilRun } = harness;
  const tools = [{ name: 'calculator' }, { name: 'search_knowledge' }, { mcp: slug, name: '*' }];
  const { id, model } = await agent({ tools });
  models.script(
    model,
    requestTool(['calculator', { expression: '1' }], ['search_knowledge', { query: 'x' }], [`${slug}__look_up`, {}]),
    reply('Done.'),
  );
  const sent = await graph.execute(
    starter,
    'mutation ($id: ID!) { r: sendMessage(input: { conversationId: $id, content: "Go" }) { ... on SendMessagePayload { run { id } } } }',
    { id: await conversation(id) },
  );
  const run = await untilRun(pick(sent, 'r.run.id'));
  expect(run).toMatchObject({ status: 'COMPLETED', output: { text: 'Done.' } });
  return run.toolCalls.nodes;
}

test('a run of an API key calls only the tools that the key could use itself, whatever the scope', async () => {
  for (const scope of registeredScopes()) {
    const key = await keyWith(['agents:execute', scope]);
    server.seen.length = 0;
    const may = (permission: Permission) => key.permissions.has(permission);
    const expected = ['SUCCEEDED', may('knowledge:read'), may('mcp:execute')].map((allowed) =>
      allowed ? 'SUCCEEDED' : 'FAILED',
    );
    const calls = await callAll(key);
    expect(
      calls.map(({ status }) => status),
      scope,
    ).toEqual(expected);
    expect(server.seen.length, scope).toBe(may('mcp:execute') ? 1 : 0);
  }
});

test('tells the model which permission is missing', async () => {
  const [, search, mcp] = await callAll(await keyWith(['agents:execute']));
  const because = 'which the user or API key that started the run does not have.';
  expect(search?.errorMessage).toBe(`search_knowledge takes the permission knowledge:read, ${because}`);
  expect(mcp?.errorMessage).toBe(`${slug}__look_up takes the permission mcp:execute, ${because}`);
});

test('a run of a member calls all tools of the agent', async () => {
  expect((await callAll(harness.viewer)).map(({ status }) => status)).toEqual(['SUCCEEDED', 'SUCCEEDED', 'SUCCEEDED']);
});

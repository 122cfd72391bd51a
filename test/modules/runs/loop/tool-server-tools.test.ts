import type { Tool } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { TestTenant } from '../../../testkit/tenants.ts';
import { readyServer } from '../../tool-servers/mcp-fixtures.ts';
import { echo, startToolServer, type ToolServer, text } from '../../tool-servers/tool-server.ts';
import { createRunHarness, type RunHarness, type RunWorker, startRunWorker } from '../run-harness.ts';
import { barrier, reply, requestTool } from '../scripted-models.ts';

const pay: Tool = {
  name: 'pay',
  description: 'Pays.',
  inputSchema: { type: 'object', properties: { amount: { type: 'number' } } },
};

let harness: RunHarness;
let server: ToolServer;
let slug: string;
let worker: RunWorker;

beforeAll(async () => {
  harness = await createRunHarness();
  server = await startToolServer([echo, pay]);
  await readyServer(harness.graph, harness.tenant as TestTenant, server.url);
  const [row] = await harness.graph.ownerQuery<{ slug: string }>('SELECT slug FROM mcp_servers WHERE tenant_id = $1', [
    harness.tenant.id,
  ]);
  slug = row?.slug ?? '';
});
afterEach(async () => {
  server.seen.length = 0;
  await worker.close();
});
afterAll(() => server.close());

async function begin(tools: Record<string, unknown>[], ...calls: [name: string, args: Record<string, unknown>][]) {
  const { models, agent, conversation, send } = harness;
  worker = await startRunWorker(harness.graph, harness.changes);
  const { id, model } = await agent({ tools: tools.map((tool) => ({ mcp: slug, ...tool })) });
  models.script(
    model,
    requestTool(...calls.map(([name, args]): [string, Record<string, unknown>] => [`${slug}__${name}`, args])),
    reply('Done.'),
  );
  const { run } = await send(await conversation(id), 'Go');
  return { run, model };
}

function uuidOf(id: string): string {
  return Buffer.from(id, 'base64url').toString().split(':')[1] as string;
}

test('offers and calls MCP tools, and logs the calls in both tables', async () => {
  server.answer = ({ name, arguments: given }) =>
    given.message === 'broken' ? text('It broke.', true) : text(`${name}: ${given.message}`);
  const { run, model } = await begin(
    [{ name: '*' }],
    ['echo', { message: 'Hi' }],
    ['echo', { message: 'broken' }],
    ['echo', { wrong: 1 }],
  );
  const state = await harness.untilRun(run);
  expect(state.status).toBe('COMPLETED');
  expect(
    harness.models.requests
      .get(model)?.[0]
      ?.tools.map(({ name }) => name)
      .toSorted(),
  ).toEqual([`${slug}__echo`, `${slug}__pay`]);
  expect(state.toolCalls.nodes).toMatchObject([
    { source: 'MCP', status: 'SUCCEEDED', output: 'echo: Hi' },
    { status: 'FAILED', errorMessage: 'It broke.' },
    { status: 'FAILED', errorMessage: expect.stringContaining('message') },
  ]);
  expect(server.seen).toHaveLength(2);
  const logged = await harness.graph.ownerQuery(
    `SELECT m.status, m.error_code, m.user_id = r.user_id AS theirs, m.message_id IS NOT NULL AS has_message FROM mcp_tool_executions m
     JOIN agent_runs r ON r.id = m.run_id WHERE m.run_id = $1 ORDER BY m.error_code NULLS FIRST`,
    [uuidOf(run)],
  );
  expect(logged).toEqual([
    { status: 'SUCCESS', error_code: null, theirs: true, has_message: true },
    { status: 'ERROR', error_code: 'ARGUMENTS_INVALID', theirs: true, has_message: true },
    { status: 'ERROR', error_code: 'TOOL_ERROR', theirs: true, has_message: true },
  ]);
});

test('executes an approved MCP call and no rejected one', async () => {
  server.answer = ({ arguments: given }) => text(`Paid ${given.amount}.`);
  const { run } = await begin([{ name: 'pay', approval: true }], ['pay', { amount: 1 }], ['pay', { amount: 1_000_000 }]);
  const waiting = await harness.untilRun(run, 'WAITING_APPROVAL');
  expect(server.seen).toEqual([]);
  const [small, large] = waiting.toolCalls.nodes;
  await harness.change('approveToolCall', { id: small?.id });
  await harness.change('rejectToolCall', { id: large?.id, reason: 'Not that much.' });
  const state = await harness.untilRun(run);
  expect(state.toolCalls.nodes).toMatchObject([{ status: 'SUCCEEDED', output: 'Paid 1.' }, { status: 'REJECTED' }]);
  expect(server.seen.map((call) => call.arguments)).toEqual([{ amount: 1 }]);
});

test('aborts an active MCP call when the run is cancelled', async () => {
  const reached = barrier();
  server.answer = () => {
    reached.open();
    return new Promise(() => {});
  };
  const { run } = await begin([{ name: 'pay' }], ['pay', { amount: 1 }]);
  await reached.opened;
  await harness.change('cancelAgentRun', { id: run });
  expect(await harness.untilRun(run)).toMatchObject({ status: 'CANCELLED', toolCalls: { nodes: [{ status: 'CANCELLED' }] } });
});

test('after a takeover, repeats read-only MCP calls and no others', async () => {
  const [first, second] = [barrier(), barrier()];
  server.answer = ({ name }) => {
    (name === 'pay' ? first : second).open();
    return new Promise(() => {});
  };
  const { run } = await begin([{ name: '*' }], ['pay', { amount: 1 }], ['echo', { message: 'Hi' }]);
  await Promise.all([first.opened, second.opened]);
  await worker.close();
  server.answer = () => text('At last.');
  worker = await startRunWorker(harness.graph, harness.changes);
  const state = await harness.untilRun(run);
  expect(state.status).toBe('COMPLETED');
  expect(state.toolCalls.nodes).toMatchObject([{ status: 'INTERRUPTED' }, { status: 'SUCCEEDED', output: 'At last.' }]);
  expect(server.seen.map(({ name }) => name).toSorted()).toEqual(['echo', 'echo', 'pay']);
});

test('fails an approved call whose tool name now refers to another tool', async () => {
  const other = await startToolServer([echo, pay]);
  const serverId = await readyServer(harness.graph, harness.tenant as TestTenant, other.url);
  const { run } = await begin([{ name: 'pay', approval: true }], ['pay', { amount: 1 }]);
  const [call] = (await harness.untilRun(run, 'WAITING_APPROVAL')).toolCalls.nodes;
  const rename = (from: string, to: string) =>
    harness.graph.ownerQuery('UPDATE mcp_servers SET slug = $3 WHERE tenant_id = $1 AND slug = $2', [
      harness.tenant.id,
      from,
      to,
    ]);
  const [{ slug: spare }] = (await harness.graph.ownerQuery<{ slug: string }>('SELECT slug FROM mcp_servers WHERE id = $1', [
    uuidOf(serverId),
  ])) as [{ slug: string }];
  await rename(slug, 'before');
  await rename(spare, slug);
  await harness.change('approveToolCall', { id: call?.id });
  const state = await harness.untilRun(run);
  await rename(slug, spare);
  await rename('before', slug);
  await other.close();
  expect([...server.seen, ...other.seen]).toEqual([]);
  expect(state.toolCalls.nodes).toMatchObject([{ status: 'FAILED', errorMessage: expect.stringContaining('another tool') }]);
});

test('fails a pending call whose tool now requires approval', async () => {
  const reached = barrier();
  server.answer = () => {
    reached.open();
    return new Promise(() => {});
  };
  const { run } = await begin([{ name: 'echo' }], ['echo', { message: 'Hi' }]);
  await reached.opened;
  await worker.close();
  await harness.graph.ownerQuery(
    `UPDATE agents SET tools = jsonb_set(tools::jsonb, '{0,approval}', 'true') WHERE id = (SELECT agent_id FROM agent_runs WHERE id = $1)`,
    [uuidOf(run)],
  );
  server.answer = () => text('Again.');
  worker = await startRunWorker(harness.graph, harness.changes);
  const state = await harness.untilRun(run);
  expect(server.seen).toHaveLength(1);
  expect(state.toolCalls.nodes).toMatchObject([{ status: 'FAILED', errorMessage: expect.stringContaining('approv') }]);
});

import { afterEach, beforeAll, expect, test } from 'vitest';
import type { Viewer } from '../../../../src/platform/auth/viewer.ts';
import { newId } from '../../../../src/platform/lib/ids.ts';
import { pick } from '../../../testkit/graph.ts';
import { asViewer, randomHash, unique } from '../../../testkit/tenants.ts';
import { createRunHarness, type RunHarness, type RunWorker, startRunWorker } from '../run-harness.ts';
import { reply, requestTool } from '../scripted-models.ts';

let harness: RunHarness;
let worker: RunWorker;

beforeAll(async () => {
  harness = await createRunHarness();
});
afterEach(() => worker.close());

/** A run in WAITING_APPROVAL whose `calculator` calls need approval and whose `current_time` call does not. */
async function waiting(calls = 1) {
  const { models, agent, conversation, send, untilRun } = harness;
  worker = await startRunWorker(harness.graph, harness.changes);
  const { id, model } = await agent({ tools: [{ name: 'calculator', approval: true }, { name: 'current_time' }] });
  const sums = Array.from({ length: calls }, (_, index): [string, Record<string, unknown>] => [
    'calculator',
    { expression: `${index} + 1` },
  ]);
  models.script(model, requestTool(['current_time', {}], ...sums), reply('Done.'));
  const talk = await conversation(id);
  const { run } = await send(talk, 'Go');
  const state = await untilRun(run, 'WAITING_APPROVAL');
  const ids = state.toolCalls.nodes.filter(({ toolName }) => toolName === 'calculator').map((call) => call.id);
  return { talk, run, state, model, calls: ids as [string, ...string[]] };
}

test('executes a call after its approval, and the calls that need none before', async () => {
  const { run, state, model, calls } = await waiting();
  expect(state.toolCalls.nodes.map(({ status }) => status)).toEqual(['SUCCEEDED', 'WAITING_APPROVAL']);
  expect(state.messages.nodes.map(({ role }) => role)).toEqual(['ASSISTANT']);
  const inbox = await harness.graph.execute(
    harness.viewer,
    '{ toolCalls(filter: { status: [WAITING_APPROVAL] }) { nodes { id arguments run { id agent { name } } } } }',
  );
  expect(pick(inbox, 'toolCalls.nodes')).toContainEqual({
    id: calls[0],
    arguments: { expression: '0 + 1' },
    run: { id: run, agent: { name: 'Agent' } },
  });
  expect(await harness.change('approveToolCall', { id: calls[0], reason: 'Fine.' })).toMatchObject({
    __typename: 'ApproveToolCallPayload',
  });
  expect(await harness.change('approveToolCall', { id: calls[0] })).toMatchObject({ code: 'INVALID_STATE' });
  const done = await harness.untilRun(run);
  expect(done).toMatchObject({ status: 'COMPLETED', output: { text: 'Done.' } });
  expect(done.toolCalls.nodes[1]).toMatchObject({ status: 'SUCCEEDED', output: { result: '1' }, decisionReason: 'Fine.' });
  expect(harness.models.requests.get(model)).toHaveLength(2);
  const [decided] = await harness.graph.ownerQuery<{ by: string }>(
    "SELECT decided_by_id AS by FROM tool_calls WHERE decision_reason = 'Fine.' AND tenant_id = $1",
    [harness.tenant.id],
  );
  expect(decided?.by).toBe(harness.tenant.owner.userId);
});

test('returns a rejection with its reason to the model and never executes the call', async () => {
  const { run, model, calls } = await waiting();
  await harness.change('rejectToolCall', { id: calls[0], reason: 'Too dear.' });
  const done = await harness.untilRun(run);
  expect(done.status).toBe('COMPLETED');
  expect(done.toolCalls.nodes[1]).toMatchObject({ status: 'REJECTED', output: null });
  expect(harness.models.requests.get(model)?.[1]?.messages.at(-1)).toMatchObject({
    toolResults: [{ isError: false }, { isError: true, output: 'This call was rejected: Too dear.' }],
  });
});

test('resumes the run only after the decision about every call', async () => {
  const { run, calls } = await waiting(2);
  await harness.change('approveToolCall', { id: calls[1] });
  expect((await harness.run(run)).toolCalls.nodes.map(({ status }) => status)).toEqual([
    'SUCCEEDED',
    'WAITING_APPROVAL',
    'PENDING',
  ]);
  expect((await harness.run(run)).status).toBe('WAITING_APPROVAL');
  await harness.change('rejectToolCall', { id: calls[0] ?? '' });
  const done = await harness.untilRun(run);
  expect(done.toolCalls.nodes.map(({ status }) => status)).toEqual(['SUCCEEDED', 'REJECTED', 'SUCCEEDED']);
});

test('resumes an approved run after a restart, before the next run of the conversation', async () => {
  const { talk, run, model, calls } = await waiting();
  await worker.close();
  harness.models.script(model, reply('Done.'), reply('Next.'));
  const next = await harness.send(talk, 'And then?');
  await harness.change('approveToolCall', { id: calls[0] });
  expect((await harness.run(run)).status).toBe('WAITING_APPROVAL');
  worker = await startRunWorker(harness.graph, harness.changes);
  expect(await harness.untilRun(run)).toMatchObject({ status: 'COMPLETED', output: { text: 'Done.' } });
  expect(await harness.untilRun(next.run)).toMatchObject({ status: 'COMPLETED', output: { text: 'Next.' } });
});

test('cancels a waiting run and its tool calls immediately', async () => {
  const { talk, run, calls, model } = await waiting();
  expect(await harness.change('cancelAgentRun', { id: run })).toMatchObject({ __typename: 'CancelAgentRunPayload' });
  const state = await harness.run(run);
  expect(state).toMatchObject({ status: 'CANCELLED', errorCode: null });
  expect(state.toolCalls.nodes.map(({ status }) => status)).toEqual(['SUCCEEDED', 'CANCELLED']);
  expect(state.messages.nodes.map(({ role }) => role)).toEqual(['ASSISTANT', 'TOOL']);
  expect(await harness.change('approveToolCall', { id: calls[0] })).toMatchObject({ code: 'INVALID_STATE' });
  harness.models.script(model, reply('Still here.'));
  expect(await harness.untilRun((await harness.send(talk, 'Hello?')).run)).toMatchObject({ output: { text: 'Still here.' } });
});

test('rejects approval without the permission agent:approve', async () => {
  const { calls } = await waiting();
  const source = 'mutation ($id: ID!) { approveToolCall(input: { id: $id }) { __typename } }';
  const refused = await harness.graph.execute(asViewer(harness.tenant, 'VIEWER'), source, { id: calls[0] });
  expect(refused.codes).toEqual(['FORBIDDEN']);
  const executing = { ...harness.viewer, permissions: new Set(['agent:execute', 'conversation:read'] as const) };
  expect((await harness.graph.execute(executing, source, { id: calls[0] })).codes).toEqual(['FORBIDDEN']);
});

test('fails a call with invalid arguments without asking for approval', async () => {
  const { models, agent, conversation, send, untilRun } = harness;
  worker = await startRunWorker(harness.graph, harness.changes);
  const { id, model } = await agent({ tools: [{ name: 'calculator', approval: true }] });
  models.script(model, requestTool(['calculator', { wrong: 1 }]), reply('Sorry.'));
  const state = await untilRun((await send(await conversation(id), 'Go')).run);
  expect(state).toMatchObject({ status: 'COMPLETED', toolCalls: { nodes: [{ status: 'FAILED' }] } });
});

test('rejects approval by the API key that started the run, and allows it to reject calls', async () => {
  const { graph, tenant, models, agent, conversation, untilRun } = harness;
  worker = await startRunWorker(graph, harness.changes);
  const keys = await graph.database.transactionAs({ tenantId: tenant.id, userId: tenant.owner.userId }, () =>
    Promise.all(
      ['starter', 'approver'].map((name) =>
        graph.prisma.apiKey.create({
          data: {
            tenantId: tenant.id,
            id: newId(),
            userId: tenant.owner.userId,
            name,
            keyHash: randomHash(),
            keyPrefix: unique('key').slice(0, 12),
            scopes: ['agents:execute', 'agents:approve'],
          },
        }),
      ),
    ),
  );
  const [starter, approver] = keys.map(({ id }) => ({ ...harness.viewer, apiKeyId: id })) as [Viewer, Viewer];
  const { id, model } = await agent({ tools: [{ name: 'calculator', approval: true }] });
  models.script(model, requestTool(['calculator', { expression: '1' }], ['calculator', { expression: '2' }]), reply('Done.'));
  const sent = await graph.execute(
    starter,
    'mutation ($id: ID!) { r: sendMessage(input: { conversationId: $id, content: "Go" }) { ... on SendMessagePayload { run { id } } } }',
    { id: await conversation(id) },
  );
  const run = pick<string>(sent, 'r.run.id');
  const [one, two] = (await untilRun(run, 'WAITING_APPROVAL')).toolCalls.nodes;
  const decide = (viewer: Viewer, name: string, call: string | undefined) =>
    graph.execute(viewer, `mutation ($id: ID!) { r: ${name}(input: { id: $id }) { __typename } }`, { id: call });
  expect((await decide(starter, 'approveToolCall', one?.id)).codes).toEqual(['FORBIDDEN']);
  expect((await decide(approver, 'approveToolCall', one?.id)).messages).toEqual([]);
  expect((await decide(starter, 'rejectToolCall', two?.id)).messages).toEqual([]);
  const done = await untilRun(run);
  expect(done.toolCalls.nodes.map(({ status }) => status)).toEqual(['SUCCEEDED', 'REJECTED']);
});

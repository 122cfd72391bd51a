import { afterEach, beforeAll, expect, test } from 'vitest';
import type { Viewer } from '../../../../src/platform/auth/viewer.ts';
import { newId } from '../../../../src/platform/lib/ids.ts';
import { pick } from '../../../testkit/graph.ts';
import { asViewer, randomHash, unique } from '../../../testkit/tenants.ts';
import { createRunHarness, type RunHarness, type RunWorker, startRunWorker } from '../run-harness.ts';
import { reply, requestTool } from '../scripted-models.ts';

let stage: RunHarness;
let worker: RunWorker;

beforeAll(async () => {
  stage = await createRunHarness();
});
afterEach(() => worker.close());

/** A run that waits for its calculator, with the current time besides, which waits for nobody. */
async function waiting(calls = 1) {
  const { models, agent, conversation, send, untilRun } = stage;
  worker = await startRunWorker(stage.graph, stage.changes);
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

test('a call waits for approval while the others are done, and goes on when it has it', async () => {
  const { run, state, model, calls } = await waiting();
  expect(state.toolCalls.nodes.map(({ status }) => status)).toEqual(['SUCCEEDED', 'WAITING_APPROVAL']);
  expect(state.messages.nodes.map(({ role }) => role)).toEqual(['ASSISTANT']);
  const inbox = await stage.graph.execute(
    stage.viewer,
    '{ toolCalls(filter: { status: [WAITING_APPROVAL] }) { nodes { id arguments run { id agent { name } } } } }',
  );
  expect(pick(inbox, 'toolCalls.nodes')).toContainEqual({
    id: calls[0],
    arguments: { expression: '0 + 1' },
    run: { id: run, agent: { name: 'Agent' } },
  });
  expect(await stage.change('approveToolCall', { id: calls[0], reason: 'Fine.' })).toMatchObject({
    __typename: 'ApproveToolCallPayload',
  });
  expect(await stage.change('approveToolCall', { id: calls[0] })).toMatchObject({ code: 'INVALID_STATE' });
  const done = await stage.untilRun(run);
  expect(done).toMatchObject({ status: 'COMPLETED', output: { text: 'Done.' } });
  expect(done.toolCalls.nodes[1]).toMatchObject({ status: 'SUCCEEDED', output: { result: '1' }, decisionReason: 'Fine.' });
  expect(stage.models.requests.get(model)).toHaveLength(2);
  const [decided] = await stage.graph.ownerQuery<{ by: string }>(
    "SELECT decided_by_id AS by FROM tool_calls WHERE decision_reason = 'Fine.' AND tenant_id = $1",
    [stage.tenant.id],
  );
  expect(decided?.by).toBe(stage.tenant.owner.userId);
});

test('a rejected call is told to the model with its reason, and never made', async () => {
  const { run, model, calls } = await waiting();
  await stage.change('rejectToolCall', { id: calls[0], reason: 'Too dear.' });
  const done = await stage.untilRun(run);
  expect(done.status).toBe('COMPLETED');
  expect(done.toolCalls.nodes[1]).toMatchObject({ status: 'REJECTED', output: null });
  expect(stage.models.requests.get(model)?.[1]?.messages.at(-1)).toMatchObject({
    toolResults: [{ isError: false }, { isError: true, output: 'Somebody rejected this call: Too dear.' }],
  });
});

test('nothing goes on before every call is decided about', async () => {
  const { run, calls } = await waiting(2);
  await stage.change('approveToolCall', { id: calls[1] });
  expect((await stage.run(run)).toolCalls.nodes.map(({ status }) => status)).toEqual([
    'SUCCEEDED',
    'WAITING_APPROVAL',
    'PENDING',
  ]);
  expect((await stage.run(run)).status).toBe('WAITING_APPROVAL');
  await stage.change('rejectToolCall', { id: calls[0] ?? '' });
  const done = await stage.untilRun(run);
  expect(done.toolCalls.nodes.map(({ status }) => status)).toEqual(['SUCCEEDED', 'REJECTED', 'SUCCEEDED']);
});

test('approval outlives every process, and holds the place in the conversation', async () => {
  const { talk, run, model, calls } = await waiting();
  await worker.close();
  stage.models.script(model, reply('Done.'), reply('Next.'));
  const next = await stage.send(talk, 'And then?');
  await stage.change('approveToolCall', { id: calls[0] });
  expect((await stage.run(run)).status).toBe('WAITING_APPROVAL');
  worker = await startRunWorker(stage.graph, stage.changes);
  expect(await stage.untilRun(run)).toMatchObject({ status: 'COMPLETED', output: { text: 'Done.' } });
  expect(await stage.untilRun(next.run)).toMatchObject({ status: 'COMPLETED', output: { text: 'Next.' } });
});

test('a run that waits is cancelled at once, and its calls with it', async () => {
  const { talk, run, calls, model } = await waiting();
  expect(await stage.change('cancelAgentRun', { id: run })).toMatchObject({ __typename: 'CancelAgentRunPayload' });
  const state = await stage.run(run);
  expect(state).toMatchObject({ status: 'CANCELLED', errorCode: null });
  expect(state.toolCalls.nodes.map(({ status }) => status)).toEqual(['SUCCEEDED', 'CANCELLED']);
  expect(state.messages.nodes.map(({ role }) => role)).toEqual(['ASSISTANT', 'TOOL']);
  expect(await stage.change('approveToolCall', { id: calls[0] })).toMatchObject({ code: 'INVALID_STATE' });
  stage.models.script(model, reply('Still here.'));
  expect(await stage.untilRun((await stage.send(talk, 'Hello?')).run)).toMatchObject({ output: { text: 'Still here.' } });
});

test('whoever may not approve is refused', async () => {
  const { calls } = await waiting();
  const source = 'mutation ($id: ID!) { approveToolCall(input: { id: $id }) { __typename } }';
  const refused = await stage.graph.execute(asViewer(stage.tenant, 'VIEWER'), source, { id: calls[0] });
  expect(refused.codes).toEqual(['FORBIDDEN']);
  const executing = { ...stage.viewer, permissions: new Set(['agent:execute', 'conversation:read'] as const) };
  expect((await stage.graph.execute(executing, source, { id: calls[0] })).codes).toEqual(['FORBIDDEN']);
});

test('nobody is asked about a call that would be refused anyway', async () => {
  const { models, agent, conversation, send, untilRun } = stage;
  worker = await startRunWorker(stage.graph, stage.changes);
  const { id, model } = await agent({ tools: [{ name: 'calculator', approval: true }] });
  models.script(model, requestTool(['calculator', { wrong: 1 }]), reply('Sorry.'));
  const state = await untilRun((await send(await conversation(id), 'Go')).run);
  expect(state).toMatchObject({ status: 'COMPLETED', toolCalls: { nodes: [{ status: 'FAILED' }] } });
});

test('an API key does not approve what was asked for with it, and may reject it', async () => {
  const { graph, tenant, models, agent, conversation, untilRun } = stage;
  worker = await startRunWorker(graph, stage.changes);
  const keys = await graph.database.transactionAs({ tenantId: tenant.id, userId: tenant.owner.userId }, () =>
    Promise.all(
      ['asks', 'decides'].map((name) =>
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
  const [asking, deciding] = keys.map(({ id }) => ({ ...stage.viewer, apiKeyId: id })) as [Viewer, Viewer];
  const { id, model } = await agent({ tools: [{ name: 'calculator', approval: true }] });
  models.script(model, requestTool(['calculator', { expression: '1' }], ['calculator', { expression: '2' }]), reply('Done.'));
  const sent = await graph.execute(
    asking,
    'mutation ($id: ID!) { r: sendMessage(input: { conversationId: $id, content: "Go" }) { ... on SendMessagePayload { run { id } } } }',
    { id: await conversation(id) },
  );
  const run = pick<string>(sent, 'r.run.id');
  const [one, two] = (await untilRun(run, 'WAITING_APPROVAL')).toolCalls.nodes;
  const decide = (viewer: Viewer, name: string, call: string | undefined) =>
    graph.execute(viewer, `mutation ($id: ID!) { r: ${name}(input: { id: $id }) { __typename } }`, { id: call });
  expect((await decide(asking, 'approveToolCall', one?.id)).codes).toEqual(['FORBIDDEN']);
  expect((await decide(deciding, 'approveToolCall', one?.id)).messages).toEqual([]);
  expect((await decide(asking, 'rejectToolCall', two?.id)).messages).toEqual([]);
  const done = await untilRun(run);
  expect(done.toolCalls.nodes.map(({ status }) => status)).toEqual(['SUCCEEDED', 'REJECTED']);
});

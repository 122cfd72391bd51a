import { expect, test } from 'vitest';
import { ModelStepError } from '../../../../src/platform/ai/language/language-model.ts';
import { pick } from '../../../testkit/graph.ts';
import { asViewer } from '../../../testkit/tenants.ts';
import { useRunHarness } from '../run-harness.ts';
import { barrier, neverReply, reply, requestTool, type Step } from '../scripted-models.ts';

const stage = useRunHarness();
const calculate = requestTool(['calculator', { expression: '1' }]);

async function outcome(input: Record<string, unknown>, ...steps: Step[]) {
  const { models, agent, conversation, send, untilRun } = stage;
  const { id, model } = await agent({ tools: [{ name: 'calculator' }], ...input });
  models.script(model, ...steps);
  const talk = await conversation(id);
  const { run } = await send(talk, 'Go');
  const state = await untilRun(run);
  // Whatever became of the run, the conversation goes on.
  models.script(model, reply('Still here.'));
  return { state, talk, model, next: () => send(talk, 'And now?').then((sent) => untilRun(sent.run)) };
}

test('rounds', async () => {
  const { state } = await outcome({ maxIterations: 2 }, calculate, calculate, calculate);
  expect(state).toMatchObject({ status: 'FAILED', errorCode: 'ITERATIONS_EXCEEDED', iterations: 2 });
  expect(state.errorMessage).toContain('limit of 2 rounds');
  expect(state.toolCalls.nodes.map(({ status }) => status)).toEqual(['SUCCEEDED', 'SUCCEEDED']);
});

test('time, in the middle of a model call', async () => {
  const { state, next } = await outcome({ timeoutMs: 1_500 }, neverReply('Let me think'));
  expect(state).toMatchObject({ status: 'FAILED', errorCode: 'TIMEOUT', llmCalls: { nodes: [{ status: 'TIMEOUT' }] } });
  expect(state.messages.nodes).toMatchObject([{ content: 'Let me think', metadata: { partial: true } }]);
  expect(await next()).toMatchObject({ status: 'COMPLETED' });
});

test('time that people take does not count', async () => {
  const { models, agent, conversation, send, untilRun, change, graph } = stage;
  const { id, model } = await agent({ timeoutMs: 5_000, tools: [{ name: 'calculator', approval: true }] });
  models.script(model, calculate, reply('Done.'));
  const { run } = await send(await conversation(id), 'Go');
  const state = await untilRun(run, 'WAITING_APPROVAL');
  await graph.ownerQuery(
    "UPDATE agent_runs SET started_at = started_at - interval '1 day' WHERE tenant_id = $1 AND status = 'WAITING_APPROVAL'",
    [stage.tenant.id],
  );
  await graph.ownerQuery(
    "UPDATE tool_calls SET created_at = created_at - interval '1 day' WHERE tenant_id = $1 AND status = 'WAITING_APPROVAL'",
    [stage.tenant.id],
  );
  await change('approveToolCall', { id: state.toolCalls.nodes[0]?.id });
  expect((await untilRun(run)).status).toBe('COMPLETED');
});

test('tokens', async () => {
  const { state } = await outcome({ maxRunTokens: 200 }, calculate, calculate, reply('Never said.'));
  expect(state).toMatchObject({
    status: 'FAILED',
    errorCode: 'TOKENS_EXCEEDED',
    iterations: 2,
    inputTokens: 200,
    outputTokens: 20,
  });
});

test('rounds of nothing but failed calls', async () => {
  const lost = requestTool(['make_coffee', {}]);
  const { state } = await outcome({}, lost, calculate, lost, lost, lost, reply('Never said.'));
  expect(state).toMatchObject({ status: 'FAILED', errorCode: 'TOOLS_FAILING', iterations: 5 });
});

test.each([
  'MODEL_UNREACHABLE',
  'MODEL_STALLED',
  'MODEL_TIMEOUT',
  'MODEL_REFUSED',
  'MODEL_OVERLOADED',
  'MODEL_NONSENSE',
] as const)('a model that fails with %s', async (code) => {
  const { state, next } = await outcome({}, ({ onText }) => {
    onText('Half an ans');
    throw new ModelStepError('The model scripted/x does not work.', { code, retryable: false });
  });
  expect(state).toMatchObject({ status: 'FAILED', errorCode: code, errorMessage: 'The model scripted/x does not work.' });
  expect(state.llmCalls.nodes).toMatchObject([{ status: code === 'MODEL_TIMEOUT' ? 'TIMEOUT' : 'ERROR', errorCode: code }]);
  expect(await next()).toMatchObject({ status: 'COMPLETED', output: { text: 'Still here.' } });
});

test('a model that says nothing at all', async () => {
  const { state } = await outcome({}, reply(' ', { finishReason: 'content-filter' }));
  expect(state).toMatchObject({ status: 'FAILED', errorCode: 'MODEL_NO_ANSWER', inputTokens: 100, messages: { nodes: [] } });
  expect(state.errorMessage).toContain('content-filter');
});

test('a provider that is not configured, where others are', async () => {
  const { state } = await outcome({ provider: 'elsewhere' });
  expect(state).toMatchObject({ status: 'FAILED', errorCode: 'MODEL_NOT_CONFIGURED', iterations: 0 });
  expect(state.errorMessage).toContain('MODEL_PROVIDERS');
  expect(state.errorMessage).toContain('scripted');
});

test('a conversation that is ended meanwhile: what the model took is counted, and nothing is said', async () => {
  const { models, agent, conversation, send, untilRun, change } = stage;
  const { id, model } = await agent();
  const go = barrier();
  models.script(model, async (request) => {
    await go.opened;
    return reply('Too late.')(request);
  });
  const talk = await conversation(id);
  const { run } = await send(talk, 'Go');
  await expect.poll(() => models.requests.get(model)?.length).toBe(1);
  await change('completeConversation', { id: talk });
  go.open();
  const state = await untilRun(run);
  expect(state).toMatchObject({ status: 'FAILED', errorCode: 'CONVERSATION_ENDED', inputTokens: 100, messages: { nodes: [] } });
  expect(await change('sendMessage', { conversationId: talk, content: 'Hello?' })).toMatchObject({ code: 'INVALID_STATE' });
});

test('an agent that does not take work', async () => {
  const { agent, conversation, change } = stage;
  const { id } = await agent();
  const talk = await conversation(id);
  await change('updateAgent', { id, active: false });
  expect(await change('sendMessage', { conversationId: talk, content: 'Hello?' })).toMatchObject({ code: 'INVALID_STATE' });
  expect(await change('startAgentRun', { agentId: id, input: { text: 'Hello?' } })).toMatchObject({ code: 'INVALID_STATE' });
});

test('a crash of our own is tried again, and the run does not know of it', async () => {
  const { state } = await outcome(
    {},
    calculate,
    () => {
      throw new TypeError('a bug');
    },
    reply('Recovered.'),
  );
  expect(state).toMatchObject({ status: 'COMPLETED', output: { text: 'Recovered.' }, iterations: 2 });
  expect(state.toolCalls.nodes).toHaveLength(1);
});

test('somebody who has left, or a key that was revoked, has no work done any more', async () => {
  const { graph, tenant, models, agent, conversation, send, untilRun } = stage;
  const { id, model } = await agent();
  const go = barrier();
  models.script(model, async (request) => {
    await go.opened;
    return reply('First.')(request);
  });
  const talk = await conversation(id);
  const first = await send(talk, 'One');
  const member = asViewer(tenant, 'MEMBER');
  const sent = await graph.execute(
    member,
    'mutation ($id: ID!) { r: sendMessage(input: { conversationId: $id, content: "Two" }) { ... on SendMessagePayload { run { id } } } }',
    { id: talk },
  );
  await graph.ownerQuery("UPDATE memberships SET status = 'SUSPENDED' WHERE user_id = $1", [member.userId]);
  go.open();
  expect((await untilRun(first.run)).status).toBe('COMPLETED');
  expect(await untilRun(pick(sent, 'r.run.id'))).toMatchObject({ status: 'FAILED', errorCode: 'NOT_ALLOWED', iterations: 0 });
});

test('an answer that was cut short says so', async () => {
  const { models, agent, conversation, send, untilRun } = stage;
  const { id, model } = await agent({ maxTokens: 5 });
  models.script(model, reply('Once upon a', { finishReason: 'length' }));
  const state = await untilRun((await send(await conversation(id), 'A story')).run);
  expect(state).toMatchObject({ status: 'COMPLETED', messages: { nodes: [{ metadata: { finishReason: 'length' } }] } });
  expect(models.requests.get(model)?.[0]?.maxOutputTokens).toBe(5);
});

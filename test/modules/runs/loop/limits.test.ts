import { expect, test } from 'vitest';
import { ModelStepError } from '../../../../src/platform/ai/language/language-model.ts';
import { pick } from '../../../testkit/graph.ts';
import { asViewer } from '../../../testkit/tenants.ts';
import { useRunHarness } from '../run-harness.ts';
import { barrier, neverReply, reply, requestTool, type Step } from '../scripted-models.ts';

const harness = useRunHarness();
const calculate = requestTool(['calculator', { expression: '1' }]);

async function outcome(input: Record<string, unknown>, ...steps: Step[]) {
  const { models, agent, conversation, send, untilRun } = harness;
  const { id, model } = await agent({ tools: [{ name: 'calculator' }], ...input });
  models.script(model, ...steps);
  const talk = await conversation(id);
  const { run } = await send(talk, 'Go');
  const state = await untilRun(run);
  // The conversation accepts another message after the failure.
  models.script(model, reply('Still here.'));
  return { state, talk, model, next: () => send(talk, 'And now?').then((sent) => untilRun(sent.run)) };
}

test('fails a run that exceeds maxIterations', async () => {
  const { state } = await outcome({ maxIterations: 2 }, calculate, calculate, calculate);
  expect(state).toMatchObject({ status: 'FAILED', errorCode: 'ITERATIONS_EXCEEDED', iterations: 2 });
  expect(state.errorMessage).toContain('limit of 2 iterations');
  expect(state.toolCalls.nodes.map(({ status }) => status)).toEqual(['SUCCEEDED', 'SUCCEEDED']);
});

test('fails a run that exceeds timeoutMs during a model call', async () => {
  const { state, next } = await outcome({ timeoutMs: 1_500 }, neverReply('Let me think'));
  expect(state).toMatchObject({ status: 'FAILED', errorCode: 'TIMEOUT', llmCalls: { nodes: [{ status: 'TIMEOUT' }] } });
  expect(state.messages.nodes).toMatchObject([{ content: 'Let me think', metadata: { partial: true } }]);
  expect(await next()).toMatchObject({ status: 'COMPLETED' });
});

test('excludes the time spent waiting for approval from timeoutMs', async () => {
  const { models, agent, conversation, send, untilRun, change, graph } = harness;
  const { id, model } = await agent({ timeoutMs: 5_000, tools: [{ name: 'calculator', approval: true }] });
  models.script(model, calculate, reply('Done.'));
  const { run } = await send(await conversation(id), 'Go');
  const state = await untilRun(run, 'WAITING_APPROVAL');
  await graph.ownerQuery(
    "UPDATE agent_runs SET started_at = started_at - interval '1 day' WHERE tenant_id = $1 AND status = 'WAITING_APPROVAL'",
    [harness.tenant.id],
  );
  await graph.ownerQuery(
    "UPDATE tool_calls SET created_at = created_at - interval '1 day' WHERE tenant_id = $1 AND status = 'WAITING_APPROVAL'",
    [harness.tenant.id],
  );
  await change('approveToolCall', { id: state.toolCalls.nodes[0]?.id });
  expect((await untilRun(run)).status).toBe('COMPLETED');
});

test('fails a run that exceeds maxRunTokens', async () => {
  const { state } = await outcome({ maxRunTokens: 200 }, calculate, calculate, reply('Never sent.'));
  expect(state).toMatchObject({
    status: 'FAILED',
    errorCode: 'TOKENS_EXCEEDED',
    iterations: 2,
    inputTokens: 200,
    outputTokens: 20,
  });
});

test('fails a run after three steps with only failed tool calls', async () => {
  const lost = requestTool(['make_coffee', {}]);
  const { state } = await outcome({}, lost, calculate, lost, lost, lost, reply('Never sent.'));
  expect(state).toMatchObject({ status: 'FAILED', errorCode: 'TOOLS_FAILING', iterations: 5 });
});

test.each([
  'MODEL_UNREACHABLE',
  'MODEL_STALLED',
  'MODEL_TIMEOUT',
  'MODEL_REFUSED',
  'MODEL_OVERLOADED',
  'MODEL_NONSENSE',
] as const)('fails a run whose model throws %s', async (code) => {
  const { state, next } = await outcome({}, ({ onText }) => {
    onText('Half an ans');
    throw new ModelStepError('The model scripted/x does not work.', { code, retryable: false });
  });
  expect(state).toMatchObject({ status: 'FAILED', errorCode: code, errorMessage: 'The model scripted/x does not work.' });
  expect(state.llmCalls.nodes).toMatchObject([{ status: code === 'MODEL_TIMEOUT' ? 'TIMEOUT' : 'ERROR', errorCode: code }]);
  expect(await next()).toMatchObject({ status: 'COMPLETED', output: { text: 'Still here.' } });
});

test('fails a run whose model returns an empty answer', async () => {
  const { state } = await outcome({}, reply(' ', { finishReason: 'content-filter' }));
  expect(state).toMatchObject({ status: 'FAILED', errorCode: 'MODEL_NO_ANSWER', inputTokens: 100, messages: { nodes: [] } });
  expect(state.errorMessage).toContain('content-filter');
});

test('fails a run whose provider is not configured although others are', async () => {
  const { state } = await outcome({ provider: 'elsewhere' });
  expect(state).toMatchObject({ status: 'FAILED', errorCode: 'MODEL_NOT_CONFIGURED', iterations: 0 });
  expect(state.errorMessage).toContain('MODEL_PROVIDERS');
  expect(state.errorMessage).toContain('scripted');
});

test('records the usage but no message if the conversation ends during the model call', async () => {
  const { models, agent, conversation, send, untilRun, change } = harness;
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

test('rejects a message to an inactive agent and fails its queued runs', async () => {
  const { agent, conversation, change } = harness;
  const { id } = await agent();
  const talk = await conversation(id);
  await change('updateAgent', { id, active: false });
  expect(await change('sendMessage', { conversationId: talk, content: 'Hello?' })).toMatchObject({ code: 'INVALID_STATE' });
  expect(await change('startAgentRun', { agentId: id, input: { text: 'Hello?' } })).toMatchObject({ code: 'INVALID_STATE' });
});

test('retries a run after an unexpected error', async () => {
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

test('fails queued runs of removed members and revoked API keys', async () => {
  const { graph, tenant, models, agent, conversation, send, untilRun } = harness;
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

test('stores the finish reason of a truncated answer', async () => {
  const { models, agent, conversation, send, untilRun } = harness;
  const { id, model } = await agent({ maxTokens: 5 });
  models.script(model, reply('Once upon a', { finishReason: 'length' }));
  const state = await untilRun((await send(await conversation(id), 'A story')).run);
  expect(state).toMatchObject({ status: 'COMPLETED', messages: { nodes: [{ metadata: { finishReason: 'length' } }] } });
  expect(models.requests.get(model)?.[0]?.maxOutputTokens).toBe(5);
});

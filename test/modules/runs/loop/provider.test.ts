import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { LanguageModels } from '../../../../src/platform/ai/language/language-model.ts';
import { createModels } from '../../../../src/platform/ai/models.ts';
import { type ScriptedModel, type ScriptedRound, script, startScriptedModel } from '../../../testkit/scripted-model.ts';
import { createRunHarness, type RunHarness, type RunWorker, startRunWorker } from '../run-harness.ts';

let harness: RunHarness;
let served: ScriptedModel;
let worker: RunWorker;

beforeAll(async () => {
  [harness, served] = [await createRunHarness(), await startScriptedModel()];
  const providers = [
    { name: 'openai', kind: 'openai-compatible', baseUrl: served.baseUrl },
    { name: 'unreachable', kind: 'openai-compatible', baseUrl: 'http://127.0.0.1:1/v1' },
  ] as const;
  const options = { embeddings: undefined, answers: undefined, providers };
  const patient = createModels(options, { backoffMs: 1 }).language;
  // Only where a test needs it: a busy machine exceeds short limits, and a failed attempt counts.
  const hasty = createModels(options, { backoffMs: 1, limits: { firstTokenMs: 400, stallMs: 400 } }).language;
  const language: LanguageModels = {
    providers: patient.providers,
    resolve: (provider, model, scope) => (model === 'stalling' ? hasty : patient).resolve(provider, model, scope),
  };
  worker = await startRunWorker(harness.graph, { models: { ...harness.graph.services.models, language } });
});
afterEach(() => served.reset());
afterAll(async () => {
  await worker.close();
  await served.close();
});

async function runOf(rounds: ScriptedRound[], input: Record<string, unknown> = {}) {
  const { agent, conversation, send, untilRun } = harness;
  const { id } = await agent({ provider: 'openai', model: 'small', tools: [{ name: 'calculator' }], ...input });
  return untilRun((await send(await conversation(id), script(...rounds))).run);
}

test('completes a conversation over HTTP with text, tool calls and token counts', async () => {
  const state = await runOf([
    {
      say: 'Let me see.',
      call: [{ name: 'calculator', arguments: { expression: '2 + 3' } }],
      usage: { input: 50, output: 7, cached: 20 },
    },
    { call: [{ name: 'calculator', rawArguments: '{"expression": ' }] },
    { say: 'It is five.' },
  ]);
  expect(state).toMatchObject({
    status: 'COMPLETED',
    output: { text: 'It is five.' },
    iterations: 3,
    inputTokens: 250,
    outputTokens: 27,
  });
  expect(state.messages.nodes.map(({ role, content }) => [role, content])).toEqual([
    ['ASSISTANT', 'Let me see.'],
    ['TOOL', ''],
    ['ASSISTANT', ''],
    ['TOOL', ''],
    ['ASSISTANT', 'It is five.'],
  ]);
  expect(state.toolCalls.nodes).toMatchObject([{ status: 'SUCCEEDED', output: { result: '5' } }, { status: 'FAILED' }]);
});

test('retries transient provider errors without effect on the result', async () => {
  const state = await runOf([
    { fail: 503, times: 1, call: [{ name: 'calculator', arguments: { expression: '1' } }] },
    { say: 'Well.', cutOff: 'hard', times: 1 },
  ]);
  expect(state).toMatchObject({ status: 'COMPLETED', output: { text: 'Well.' } });
});

test.each([
  ['MODEL_REFUSED', { fail: 401, message: 'Wrong key.' }],
  ['MODEL_OVERLOADED', { fail: 503 }],
  ['MODEL_STALLED', { stall: 'start' }, 'stalling'],
  ['MODEL_STALLED', { say: 'Half of', stall: 'end' }, 'stalling'],
  ['MODEL_NONSENSE', { body: '<html>' }],
] satisfies [string, ScriptedRound, string?][])(
  'fails a run after a permanent provider error with %s',
  async (code, round, model = 'small') => {
    const state = await runOf([round], { model });
    expect(state).toMatchObject({ status: 'FAILED', errorCode: code });
    expect(state.errorMessage).toMatch(/^The model openai\/(small|stalling) .+\.$/);
  },
);

test('fails a run whose provider is unreachable', async () => {
  const state = await runOf([{ say: 'x' }], { provider: 'unreachable' });
  expect(state).toMatchObject({ status: 'FAILED', errorCode: 'MODEL_UNREACHABLE' });
});

test('ends runs whose model requests endless or unknown tool calls', async () => {
  served.always(() => ({ call: [{ name: 'nothing_like_this', arguments: {} }] }));
  const { agent, conversation, send, untilRun } = harness;
  const { id } = await agent({ provider: 'openai', model: 'small' });
  expect(await untilRun((await send(await conversation(id), 'Go')).run)).toMatchObject({
    status: 'FAILED',
    errorCode: 'TOOLS_FAILING',
  });
});

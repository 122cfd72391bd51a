import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createModels } from '../../../../src/platform/ai/models.ts';
import { type ScriptedModel, type ScriptedRound, script, startScriptedModel } from '../../../testkit/scripted-model.ts';
import { createRunHarness, type RunHarness, type RunState, type RunWorker, startRunWorker } from '../run-harness.ts';

let harness: RunHarness;
let served: ScriptedModel;
let worker: RunWorker;

beforeAll(async () => {
  [harness, served] = [await createRunHarness(), await startScriptedModel()];
  const { language } = createModels(
    {
      embeddings: undefined,
      answers: undefined,
      providers: [{ name: 'openai', kind: 'openai-compatible', baseUrl: served.baseUrl }],
    },
    { backoffMs: 1, limits: { firstTokenMs: 20_000, stallMs: 20_000, maxTextBytes: 100_000, maxToolCalls: 4 } },
  );
  worker = await startRunWorker(harness.graph, { models: { ...harness.graph.services.models, language } });
});
afterEach(() => served.reset());
afterAll(async () => {
  await worker.close();
  await served.close();
});

const TOOLS = [{ name: 'calculator' }, { name: 'current_time' }];

/** Sends a message, waits for the end of its run, and checks that the conversation still answers another one. */
async function runOf(...rounds: ScriptedRound[]): Promise<RunState> {
  const { agent, conversation, send, untilRun } = harness;
  const { id } = await agent({ provider: 'openai', model: 'small', tools: TOOLS });
  const talk = await conversation(id);
  const state = await untilRun((await send(talk, script(...rounds))).run);
  const next = await untilRun((await send(talk, script({ say: 'Here I am.' }))).run);
  expect(next).toMatchObject({ status: 'COMPLETED', output: { text: 'Here I am.' } });
  return state;
}

const half = { say: 'Half of the answer', delayMs: 1 };

describe('a model server that', () => {
  test.each<[string, ScriptedRound, string, number]>([
    ['rejects the request', { fail: 400 }, 'MODEL_REFUSED', 1],
    ['does not know the model', { fail: 404 }, 'MODEL_REFUSED', 1],
    ['is overloaded', { fail: 429 }, 'MODEL_OVERLOADED', 3],
    ['returns a server error', { fail: 500 }, 'MODEL_OVERLOADED', 3],
    [
      'sends an error in the stream',
      { ...half, data: '{"error":{"message":"Overloaded","type":"server_error"}}' },
      'MODEL_OVERLOADED',
      3,
    ],
    ['closes the connection', { ...half, cutOff: 'hard' }, 'MODEL_NONSENSE', 3],
    ['ends the stream without a finish reason', { ...half, cutOff: 'cleanly' }, 'MODEL_NONSENSE', 3],
    ['sends malformed JSON', { ...half, data: '{"choices":[' }, 'MODEL_NONSENSE', 1],
    ['sends JSON of another shape', { ...half, data: '{"choices":7}' }, 'MODEL_NONSENSE', 1],
    ['sends endless text', { endless: 'text' }, 'MODEL_NONSENSE', 1],
    ['sends endless tool calls', { endless: 'calls' }, 'MODEL_NONSENSE', 1],
    ['sends endless arguments', { endless: 'arguments' }, 'MODEL_NONSENSE', 1],
  ])('%s', async (_what, round, code, attempts) => {
    const state = await runOf(round);
    expect(state).toMatchObject({ status: 'FAILED', errorCode: code, output: null, toolCalls: { nodes: [] } });
    expect(state.llmCalls.nodes).toMatchObject([{ status: 'ERROR', errorCode: code }]);
    expect(served.requests).toHaveLength(attempts + 1);
    // The delivered part of the answer is stored as a partial message.
    const speaks = round.say !== undefined || round.endless === 'text';
    expect(state.messages.nodes).toMatchObject(speaks ? [{ role: 'ASSISTANT', metadata: { partial: true } }] : []);
    if (round.say) expect(state.messages.nodes[0]?.content).toBe(round.say);
  });

  test('disconnects after requesting tools: executes none of them', async () => {
    const state = await runOf({
      say: 'Wait.',
      call: [{ name: 'calculator', arguments: { expression: '1 + 1' } }],
      cutOff: 'hard',
    });
    expect(state).toMatchObject({ status: 'FAILED', errorCode: 'MODEL_NONSENSE', toolCalls: { nodes: [] } });
  });

  test('fails after tool calls: preserves their results in the conversation', async () => {
    const state = await runOf({ call: [{ name: 'calculator', arguments: { expression: '1 + 1' } }] }, { fail: 400 });
    expect(state).toMatchObject({ status: 'FAILED', errorCode: 'MODEL_REFUSED', iterations: 2 });
    expect(state.toolCalls.nodes).toMatchObject([{ status: 'SUCCEEDED', output: { result: '2' } }]);
    expect(state.messages.nodes.map(({ role }) => role)).toEqual(['ASSISTANT', 'TOOL']);
  });

  test('mixes valid and invalid calls in one answer: returns a result for each call', async () => {
    const state = await runOf(
      {
        call: [
          { name: 'calculator', arguments: { expression: '6 * 7' } },
          { name: 'calculator', arguments: { formula: '6 * 7' } },
          { name: 'calculator', rawArguments: '{"expression": "6 *' },
          { name: 'no_such_tool' },
        ],
      },
      { say: 'It is 42.' },
    );
    expect(state).toMatchObject({ status: 'COMPLETED', output: { text: 'It is 42.' }, iterations: 2 });
    expect(state.toolCalls.nodes).toMatchObject([
      { source: 'BUILT_IN', status: 'SUCCEEDED', output: { result: '42' } },
      { source: 'BUILT_IN', status: 'FAILED', errorMessage: expect.stringContaining('not valid') },
      { source: 'BUILT_IN', status: 'FAILED', errorMessage: expect.any(String) },
      { source: 'UNKNOWN', status: 'FAILED', errorMessage: expect.stringContaining('The tool no_such_tool does not exist') },
    ]);
    const [, followUp] = served.requests;
    expect(followUp?.body.messages.filter(({ role }: { role: string }) => role === 'tool')).toHaveLength(4);
  });
});

import type { Tool } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createModels } from '../../../src/platform/ai/models.ts';
import { pick } from '../../testkit/graph.ts';
import { type ModelProfile, PROFILES } from '../../testkit/model-profiles/index.ts';
import { type ScriptedModel, type ScriptedRound, script, startScriptedModel } from '../../testkit/scripted-model.ts';
import { unique } from '../../testkit/tenants.ts';
import { readyServer } from '../tool-servers/mcp-fixtures.ts';
import { startToolServer, type ToolServer, text } from '../tool-servers/tool-server.ts';
import { createRunHarness, type RunHarness, type RunState, type RunWorker, startRunWorker } from './run-harness.ts';

// A PNG of one pixel, filled up to 60 KB.
const PNG = `iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg${'A'.repeat(80_000)}`;
const CAPTION = 'A red pixel on white ground, seen from above.';

const tool = (name: string, inputSchema: object, description = `Does ${name}.`): Tool => ({
  name,
  description,
  inputSchema: { type: 'object', ...inputSchema },
});

/** Tools whose definitions some providers refuse. */
const TOOLS = [
  tool('snap', { properties: {} }),
  tool('wide', {}, `Looks far. ${'It sees everything. '.repeat(100)}`),
  tool('either', {
    anyOf: [
      { properties: { id: { type: 'integer' } }, required: ['id'] },
      { properties: { name: { type: 'string' } }, required: ['name'] },
    ],
  }),
  tool('anything', { properties: { options: { type: 'object' }, list: { type: 'array' } } }),
  tool('match', { properties: { code: { type: 'string', pattern: '[A-Z]+' } } }),
];

let harness: RunHarness;
let worker: RunWorker;
let toolServer: ToolServer;
let slug: string;
const served = new Map<string, ScriptedModel>();

beforeAll(async () => {
  harness = await createRunHarness();
  toolServer = await startToolServer(TOOLS);
  toolServer.answer = ({ name, arguments: given }) =>
    name === 'snap'
      ? {
          content: [
            { type: 'image', data: PNG, mimeType: 'image/png' },
            { type: 'text', text: CAPTION },
          ],
        }
      : text(`${name}: ${JSON.stringify(given)}`);
  await readyServer(harness.graph, harness.tenant, toolServer.url);
  const [row] = await harness.graph.ownerQuery<{ slug: string }>('SELECT slug FROM mcp_servers WHERE tenant_id = $1', [
    harness.tenant.id,
  ]);
  slug = row?.slug ?? '';
  for (const profile of PROFILES) served.set(profile.name, await startScriptedModel({ profile }));
  const providers = PROFILES.map(({ name, kind }) => ({ name, kind, baseUrl: served.get(name)?.baseUrl, apiKey: 'key' }));
  const { language } = createModels({ embeddings: undefined, answers: undefined, providers }, { backoffMs: 1 });
  worker = await startRunWorker(harness.graph, { models: { ...harness.graph.services.models, language } });
});
afterAll(async () => {
  await worker.close();
  await toolServer.close();
  for (const server of served.values()) await server.close();
});

interface Response {
  text: string;
  reasoning?: string;
  adjustments?: string[];
}

async function responsesOf(run: string): Promise<Response[]> {
  const answer = await harness.graph.execute(
    harness.viewer,
    'query ($id: ID!) { agentRun(id: $id) { llmCalls(first: 100) { nodes { status response } } } }',
    { id: run },
  );
  const calls = pick<{ status: string; response: Response }[]>(answer, 'agentRun.llmCalls.nodes');
  return calls.flatMap(({ status, response }) => (status === 'SUCCESS' ? [response] : []));
}

async function append(conversationId: string, role: string, content: string): Promise<void> {
  const answer = await harness.graph.execute(
    harness.viewer,
    'mutation ($input: AppendMessageInput!) { r: appendMessage(input: $input) { ... on AppendMessagePayload { repeated } ... on UserError { message } } }',
    { input: { conversationId, role, content } },
  );
  expect(pick(answer, 'r.repeated')).toBe(false);
}

describe.each(PROFILES)('A model that behaves like $name', (profile: ModelProfile) => {
  const server = () => served.get(profile.name) as ScriptedModel;
  let conversation: string;

  beforeAll(async () => {
    const { id } = await harness.agent({
      provider: profile.name,
      model: 'm',
      temperature: 0.3,
      maxTokens: 500,
      tools: [{ name: 'calculator' }, { mcp: slug, name: '*' }],
    });
    conversation = await harness.conversation(id);
  });

  async function say(...rounds: ScriptedRound[]): Promise<RunState> {
    server().requests.length = 0;
    const state = await harness.untilRun((await harness.send(conversation, script(...rounds))).run);
    expect(state).toMatchObject({ status: 'COMPLETED', errorMessage: null });
    return state;
  }

  test('answers with text, and keeps its reasoning apart', async () => {
    const state = await say({ think: 'They greet me.', say: 'Good day.' });
    expect(state).toMatchObject({ output: { text: 'Good day.' }, messages: { nodes: [{ content: 'Good day.' }] } });
    const [response] = await responsesOf(state.id);
    expect(response?.reasoning?.trim()).toBe(
      profile.style.reasoning || profile.kind === 'anthropic' ? 'They greet me.' : undefined,
    );
    for (const adjustment of profile.adjusts) expect(response?.adjustments).toContainEqual(expect.stringMatching(adjustment));
    expect(state.inputTokens).toBeGreaterThan(50);
  });

  test('calls a tool', async () => {
    const state = await say(
      { think: 'I calculate.', call: [{ name: 'calculator', arguments: { expression: '2 + 3' } }] },
      { say: 'Five.' },
    );
    expect(state).toMatchObject({ output: { text: 'Five.' }, iterations: 2 });
    expect(state.toolCalls.nodes).toMatchObject([{ toolName: 'calculator', status: 'SUCCEEDED', output: { result: '5' } }]);
  });

  test('calls tools in parallel, each with its own result', async () => {
    const call = [
      { name: 'calculator', arguments: { expression: '6 * 7' } },
      { name: `${slug}__either`, arguments: { name: 'Ann' } },
      { name: 'calculator', arguments: { expression: '10 - 1' } },
    ];
    const state = await say({ call }, { say: 'Done with all.' });
    expect(state.toolCalls.nodes).toMatchObject([
      { status: 'SUCCEEDED', output: { result: '42' } },
      { status: 'SUCCEEDED', output: 'either: {"name":"Ann"}' },
      { status: 'SUCCEEDED', output: { result: '9' } },
    ]);
    const sent = JSON.stringify(server().requests.at(-1)?.body.messages);
    for (const part of ['42', 'Ann', '9']) expect(sent).toContain(part);
  });

  test('continues a history that exceeds its window, and reports what was left out', async () => {
    for (let index = 0; index < 12; index++) {
      await append(conversation, 'USER', `Question ${index} ${'long words '.repeat(150)}`);
      await append(conversation, 'ASSISTANT', `Answer ${index} ${'long words '.repeat(150)}`);
    }
    const state = await say({ call: [{ name: 'calculator', arguments: { expression: '1 + 1' } }] }, { say: 'Still here.' });
    expect(state.output).toEqual({ text: 'Still here.' });
    const [response] = await responsesOf(state.id);
    expect(response?.adjustments).toContainEqual(expect.stringMatching(/^The oldest \d+ of \d+ earlier messages were left out/));
    const sent = JSON.stringify(server().requests.at(-1)?.body.messages);
    expect(sent).toContain('Question 11');
    expect(sent).not.toContain('Question 0 ');
    // The window is remembered: another run is not refused again.
    const refused = state.llmCalls.nodes.filter(({ status }) => status === 'ERROR');
    expect(refused.length).toBeGreaterThan(0);
    for (const call of refused) expect(call.errorCode).toBe('MODEL_CONTEXT_EXCEEDED');
    expect((await say({ say: 'And here.' })).llmCalls.nodes).toMatchObject([{ status: 'SUCCESS' }]);
  });

  test(`receives a picture of a tool result ${profile.sees ? 'as a picture' : 'in words'}, and its caption whole`, async () => {
    const state = await say({ call: [{ name: `${slug}__snap`, arguments: {} }] }, { say: 'A pixel.' });
    expect(state.output).toEqual({ text: 'A pixel.' });
    expect(state.toolCalls.nodes).toMatchObject([{ status: 'SUCCEEDED', output: `${CAPTION}\n[image/png, 60 KB]` }]);
    expect(state.messages.nodes[1]?.toolResults).toMatchObject([{ output: `${CAPTION}\n[image/png, 60 KB]` }]);
    const sent = JSON.stringify(server().requests.at(-1)?.body.messages);
    expect(sent).toContain(CAPTION);
    expect(sent.includes(PNG)).toBe(profile.sees);
    if (!profile.sees) {
      const responses = await responsesOf(state.id);
      expect(responses.at(-1)?.adjustments).toContainEqual(expect.stringContaining('described in words'));
    }
  });
});

/** A run of an agent on a profile, whose model is used by no other test. */
async function runOn(profile: string, input: Record<string, unknown>, ...rounds: ScriptedRound[]): Promise<RunState> {
  served.get(profile)?.requests.splice(0);
  const { agent, conversation, send, untilRun } = harness;
  const { id } = await agent({ provider: profile, model: unique('model'), ...input });
  return untilRun((await send(await conversation(id), script(...rounds))).run);
}

test('sends no temperature and no output limit unless the agent sets them', async () => {
  const state = await runOn('vllm', {}, { say: 'Well.' });
  expect(state.status).toBe('COMPLETED');
  const [request] = served.get('vllm')?.requests ?? [];
  for (const option of ['temperature', 'max_tokens', 'top_p', 'tools']) expect(request?.body).not.toHaveProperty(option);
});

test('leaves out a tool whose definition is refused in every form, and reports it', async () => {
  const server = served.get('vllm') as ScriptedModel;
  const refuse = (request: { body: { tools?: { function: { name: string } }[] } }): ScriptedRound => {
    const index = request.body.tools?.findIndex(({ function: { name } }) => name.endsWith('__match')) ?? -1;
    return index < 0 ? { say: 'Without it.' } : { fail: 400, message: `Invalid schema in tools[${index}].function.parameters` };
  };
  server.always(refuse as never);
  const { agent, conversation, send, untilRun } = harness;
  const { id } = await agent({ provider: 'vllm', model: unique('model'), tools: [{ mcp: slug, name: '*' }] });
  const state = await untilRun((await send(await conversation(id), 'Go')).run);
  server.reset();
  expect(state).toMatchObject({ status: 'COMPLETED', output: { text: 'Without it.' } });
  const [response] = await responsesOf(state.id);
  expect(response?.adjustments).toEqual([`The provider refuses the definition of the tool ${slug}__match: it was left out.`]);
});

test.each(['openai', 'groq'])('fails with the numbers above the number of tools that %s accepts', async (profile) => {
  toolServer.tools = Array.from({ length: 140 }, (_, index) => tool(`tool${index}`, {}));
  const id = await readyServer(harness.graph, harness.tenant, toolServer.url);
  toolServer.tools = TOOLS;
  const [row] = await harness.graph.ownerQuery<{ slug: string }>('SELECT slug FROM mcp_servers WHERE id = $1', [
    Buffer.from(id, 'base64url').toString().split(':')[1],
  ]);
  const state = await runOn(profile, { tools: [{ mcp: row?.slug, name: '*' }] }, { say: 'x' });
  expect(state).toMatchObject({
    status: 'FAILED',
    errorCode: 'MODEL_TOO_MANY_TOOLS',
    errorMessage: expect.stringMatching(
      /^The request has 140 tools, and the provider of .+ accepts at most 128\. Give the model fewer tools/,
    ),
  });
});

test('renders instructions and consecutive messages for a model whose template takes neither', async () => {
  const { agent, conversation, send, untilRun } = harness;
  const { id } = await agent({ provider: 'llama-cpp', model: unique('model'), systemPrompt: 'Be brief.' });
  const talk = await conversation(id);
  await append(talk, 'USER', 'One.');
  await append(talk, 'USER', 'Two.');
  const state = await untilRun((await send(talk, script({ say: 'Three.' }))).run);
  expect(state).toMatchObject({ status: 'COMPLETED', output: { text: 'Three.' } });
  const messages = served.get('llama-cpp')?.requests.at(-1)?.body.messages;
  expect(messages).toEqual([{ role: 'user', content: expect.stringMatching(/^Be brief\.\n\nOne\.\n\nTwo\.\n\nSCRIPT/) }]);
});

test("keeps the prompt within the agent's context window without a refusal", async () => {
  const { agent, conversation, send, untilRun } = harness;
  const { id } = await agent({ provider: 'vllm', model: unique('model'), contextTokens: 6_000, maxTokens: 500 });
  const talk = await conversation(id);
  for (let index = 0; index < 8; index++) {
    await append(talk, 'USER', `Question ${index} ${'long words '.repeat(200)}`);
    await append(talk, 'ASSISTANT', `Answer ${index} ${'long words '.repeat(200)}`);
  }
  const state = await untilRun((await send(talk, script({ say: 'In time.' }))).run);
  expect(state).toMatchObject({ status: 'COMPLETED', llmCalls: { nodes: [{ status: 'SUCCESS' }] } });
});

test('shortens results of tools in the run that exceed the window', async () => {
  toolServer.answer = () => text('far '.repeat(6_000));
  const look = { name: `${slug}__wide`, arguments: {} };
  const state = await runOn('vllm', { tools: [{ mcp: slug, name: '*' }] }, { call: [look] }, { call: [look] }, { say: 'Seen.' });
  expect(state).toMatchObject({ status: 'COMPLETED', output: { text: 'Seen.' } });
  expect((await responsesOf(state.id)).at(-1)?.adjustments).toContain('Results of tools were shortened.');
});

test('fails with advice if the message alone exceeds the window', async () => {
  const state = await runOn('vllm', {}, { say: 'x'.repeat(60_000) });
  expect(state).toMatchObject({
    status: 'FAILED',
    errorCode: 'MODEL_CONTEXT_EXCEEDED',
    errorMessage: expect.stringMatching(/exceed the context window of the model vllm\/.+ Shorten them, or use another model\.$/),
  });
});

test('sends a limit of the output that the model accepts in place of a larger one', async () => {
  const server = served.get('ollama') as ScriptedModel;
  server.always(({ body }) =>
    body.max_tokens > 8_192
      ? { fail: 400, message: `max_tokens: ${body.max_tokens} > 8192, which is the maximum allowed number of output tokens` }
      : { say: 'Enough.' },
  );
  const { agent, conversation, send, untilRun } = harness;
  const { id } = await agent({ provider: 'ollama', model: unique('model'), maxTokens: 100_000 });
  const state = await untilRun((await send(await conversation(id), 'Go')).run);
  expect(state).toMatchObject({ status: 'COMPLETED', output: { text: 'Enough.' } });
  expect((await responsesOf(state.id))[0]?.adjustments).toEqual([
    'The model accepts an output of at most 8192 tokens, not 100000.',
  ]);
  server.reset();
});

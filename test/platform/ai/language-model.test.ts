import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createModels } from '../../../src/platform/ai/models.ts';
import { type ScriptedModel, script, startScriptedModel } from '../../testkit/scripted-model.ts';
import { ask, failureOf, KEY, KINDS, modelOf, weather } from './language-model-fixtures.ts';

let server: ScriptedModel;

beforeAll(async () => {
  server = await startScriptedModel();
});
afterEach(() => server.reset());
afterAll(() => server.close());

describe('providers', () => {
  const none = { embeddings: undefined, answers: undefined };

  test('are resolved by their configured name only', () => {
    const { language } = createModels({
      ...none,
      providers: [
        { name: 'openai', kind: 'openai', apiKey: KEY },
        { name: 'local', kind: 'openai-compatible', baseUrl: server.baseUrl },
      ],
    });
    expect(language.providers).toEqual(['openai', 'local']);
    expect(language.resolve('local', 'llama')).toMatchObject({ id: 'local/llama', provider: 'local', model: 'llama' });
    expect(language.resolve('anthropic', 'claude')).toBeUndefined();
    expect(createModels(none).language.providers).toEqual([]);
  });

  test.each([
    ['no key for OpenAI', { name: 'a', kind: 'openai' }, 'OpenAI needs an API key'],
    ['no key for Anthropic', { name: 'a', kind: 'anthropic' }, 'Anthropic needs an API key'],
    ['no address', { name: 'a', kind: 'openai-compatible' }, 'needs the base URL'],
    [
      'a password in the address',
      { name: 'a', kind: 'openai-compatible', baseUrl: 'http://u:hidden@host/v1' },
      'without user name',
    ],
  ] as const)('with %s are rejected', (_, provider, message) => {
    expect(() => createModels({ ...none, providers: [provider] })).toThrow(message);
    expect(() => createModels({ ...none, providers: [provider] })).not.toThrow('hidden');
  });

  test('with the same name are rejected', () => {
    const provider = { name: 'a', kind: 'openai', apiKey: KEY } as const;
    expect(() => createModels({ ...none, providers: [provider, provider] })).toThrow('same name');
  });
});

describe.each(KINDS)('A model of %s', (kind) => {
  test('streams its text and reports its usage', async () => {
    const { language, used } = modelOf(server, { kind });
    const usage = { input: 120, output: 7, cached: 20 };
    const { round, chunks } = ask(language, { text: script({ say: 'One two  three.', usage }) });
    expect(await round).toEqual({
      text: 'One two  three.',
      reasoning: '',
      adjustments: [],
      toolCalls: [],
      finishReason: 'stop',
      inputTokens: 120,
      outputTokens: 7,
      cachedInputTokens: 20,
      estimated: false,
      latencyMs: expect.any(Number),
      firstTokenMs: expect.any(Number),
      retries: 0,
    });
    expect(chunks).toEqual(['One ', 'two  ', 'three.']);
    expect(used).toEqual([{ model: language.id, kind: 'run', tokens: 127, seconds: expect.any(Number), outcome: 'ok' }]);
  });

  test('passes on each chunk immediately', async () => {
    const { round, chunks } = ask(modelOf(server, { kind }).language, { text: script({ say: 'One two', gateInside: 'middle' }) });
    await expect.poll(() => chunks).toEqual(['One ']);
    server.gate('middle').open();
    expect((await round).text).toBe('One two');
  });

  test('calls tools, also in parallel, and receives their results', async () => {
    const { language } = modelOf(server, { kind });
    const call = [
      { name: 'get_weather', arguments: { city: 'Bergen' } },
      { name: 'get_weather', arguments: { city: 'Oslo' } },
      { name: 'get_time', rawArguments: '' },
    ];
    const text = script({ say: 'Let me see.', call }, { say: 'It rains.' });
    const tools = [
      weather,
      { name: 'get_time', description: 'Tells the time.', inputSchema: { type: 'object', properties: {} } },
    ];
    const first = await ask(language, { text, tools }).round;
    expect(first).toMatchObject({ text: 'Let me see.', finishReason: 'tool-calls' });
    expect(first.toolCalls.map(({ id, ...rest }) => rest)).toEqual([
      { name: 'get_weather', arguments: { city: 'Bergen' } },
      { name: 'get_weather', arguments: { city: 'Oslo' } },
      { name: 'get_time', arguments: {} },
    ]);
    const ids = first.toolCalls.map(({ id }) => id);
    expect(new Set(ids).size).toBe(3);

    const outputs = ['Rain', { rain: 3 }, null];
    const toolResults = first.toolCalls.map(({ id, name }, index) => ({
      toolCallId: id,
      name,
      output: outputs[index],
      isError: index === 2,
    }));
    const messages = [
      { role: 'user' as const, text },
      { role: 'assistant' as const, text: first.text, toolCalls: first.toolCalls },
      { role: 'tool' as const, toolResults },
    ];
    expect((await ask(language, { messages, tools }).round).text).toBe('It rains.');
    const sent = JSON.stringify(server.requests[1]?.body.messages);
    for (const id of ids) expect(sent).toContain(id);
    for (const output of ['Rain', String.raw`{\"rain\":3}`]) expect(sent).toContain(output);
  });

  test('receives the request options and the key', async () => {
    const { language } = modelOf(server, { kind });
    const asked = { instructions: 'Be brief.', tools: [weather], temperature: 0.5, maxOutputTokens: 99 };
    await ask(language, { text: 'Hi', ...asked }).round;
    const [request] = server.requests;
    expect(request?.body).toMatchObject({ model: 'm-1', stream: true, temperature: 0.5, max_tokens: 99 });
    if (kind === 'anthropic') {
      expect(request).toMatchObject({ path: '/v1/messages', headers: { 'x-api-key': KEY } });
      expect(request?.body.system).toEqual([{ type: 'text', text: 'Be brief.' }]);
      expect(request?.body.tools).toMatchObject([{ name: 'get_weather', input_schema: weather.inputSchema }]);
    } else {
      expect(request).toMatchObject({ path: '/v1/chat/completions', headers: { authorization: `Bearer ${KEY}` } });
      expect(request?.body.stream_options).toEqual({ include_usage: true });
      expect(request?.body.messages).toEqual([
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Hi' },
      ]);
      expect(request?.body.tools).toMatchObject([
        { type: 'function', function: { name: 'get_weather', parameters: weather.inputSchema } },
      ]);
    }
  });

  test('omits the tools parameter without tools', async () => {
    await ask(modelOf(server, { kind }).language, {}).round;
    expect(server.requests[0]?.body).not.toHaveProperty('tools');
    expect(server.requests[0]?.body).not.toHaveProperty('tool_choice');
  });

  test.each([
    ['no JSON', '{"city": ', 'not a JSON object'],
    ['a list', '["Oslo"]', 'not a JSON object'],
    ['a text', '"Oslo"', 'not a JSON object'],
    ['a prototype', '{"__proto__": {"admin": true}}', 'not a JSON object'],
    ['a hundred levels', `${'{"a":'.repeat(100)}1${'}'.repeat(100)}`, 'nested more than 64'],
    ['too much', JSON.stringify({ city: 'x'.repeat(2_000) }), 'larger than 1000 bytes'],
  ])('calls a tool with arguments that are %s: its other calls stay valid', async (_, rawArguments, invalid) => {
    const { language } = modelOf(server, { kind, limits: { maxArgumentBytes: 1_000 } });
    const call = [
      { name: 'get_weather', rawArguments },
      { name: 'get_weather', arguments: { city: 'Oslo' } },
    ];
    server.next({ call });
    const { toolCalls } = await ask(language, { tools: [weather] }).round;
    expect(toolCalls).toMatchObject([
      { name: 'get_weather', arguments: {}, invalid: expect.stringContaining(invalid) },
      { name: 'get_weather', arguments: { city: 'Oslo' } },
    ]);
    expect(toolCalls[1]).not.toHaveProperty('invalid');
    expect({}).not.toHaveProperty('admin');
  });

  test.each([true, false])('calls a tool that was not offered, others were: %s', async (offered) => {
    server.next({
      call: [{ name: 'launch', arguments: { now: true } }, { name: '__proto__' }, { name: 'launch', rawArguments: 'x' }],
    });
    const { toolCalls } = await ask(modelOf(server, { kind }).language, { tools: offered ? [weather] : [] }).round;
    expect(toolCalls).toMatchObject([
      { name: 'launch', arguments: { now: true } },
      { name: '__proto__', arguments: {} },
      { name: 'launch', arguments: {}, invalid: expect.any(String) },
    ]);
  });

  test('replaces invalid and duplicate ids of tool calls', async () => {
    const ids = ['call_1', 'call_1', 'x'.repeat(500), 'a b/c'];
    server.next({ call: ids.map((id) => ({ id, name: 'get_weather', arguments: { city: id } })) });
    const { toolCalls } = await ask(modelOf(server, { kind }).language, { tools: [weather] }).round;
    expect(toolCalls.map(({ arguments: { city } }) => city)).toEqual(ids);
    expect(toolCalls[0]?.id).toBe('call_1');
    expect(new Set(toolCalls.map(({ id }) => id)).size).toBe(4);
    for (const { id } of toolCalls) expect(id).toMatch(/^[\w-]{1,64}$/);
  });
});

test.each([
  ['stop', 'stop'],
  ['length', 'length'],
  ['content_filter', 'content-filter'],
  ['tired', 'other'],
  // No tool calls.
  ['tool_calls', 'other'],
  // The stream still ends with `[DONE]`.
  [null, 'stop'],
  ['', 'stop'],
  ['eos_token', 'stop'],
  ['MAX_TOKENS', 'length'],
  ['model_length', 'length'],
  ['SAFETY', 'content-filter'],
])('An answer that ended by %s', async (finish, finishReason) => {
  server.next({ say: 'So', finish });
  expect(await ask(modelOf(server).language).round).toMatchObject({ text: 'So', finishReason });
});

test.each([
  ['stop', 'tool-calls'],
  ['tired', 'tool-calls'],
  ['length', 'length'],
])('Calls of tools in an answer that ended by %s', async (finish, finishReason) => {
  server.next({ call: [{ name: 'get_weather' }], finish });
  expect(await ask(modelOf(server).language, { tools: [weather] }).round).toMatchObject({ finishReason });
});

test.each(KINDS.filter((kind) => kind !== 'anthropic'))(
  'Calls of tools of %s without a finish reason, in a stream that ends with [DONE]',
  async (kind) => {
    server.next({ say: 'Look: "finish_reason":"x" and [DONE]', call: [{ name: 'get_weather' }], finish: null });
    expect(await ask(modelOf(server, { kind }).language, { tools: [weather] }).round).toMatchObject({
      text: 'Look: "finish_reason":"x" and [DONE]',
      finishReason: 'tool-calls',
      toolCalls: [{ name: 'get_weather' }],
      retries: 0,
    });
  },
);

test('An empty answer is valid', async () => {
  server.next({ say: '' });
  const { round, chunks } = ask(modelOf(server).language);
  expect(await round).toMatchObject({ text: '', toolCalls: [], finishReason: 'stop', firstTokenMs: undefined });
  expect(chunks).toEqual([]);
});

test.each(KINDS)('Tokens are estimated if %s does not count them', async (kind) => {
  server.next({ say: 'x'.repeat(300), call: [{ name: 'get_weather', arguments: { city: 'y'.repeat(300) } }], usage: false });
  const { language, used } = modelOf(server, { kind });
  const round = await ask(language, { text: 'z'.repeat(3_000), tools: [weather] }).round;
  expect(round).toMatchObject({ estimated: true, cachedInputTokens: 0 });
  expect(round.inputTokens).toBeGreaterThan(1_000);
  expect(round.inputTokens).toBeLessThan(1_200);
  // The Anthropic protocol always reports an output count, which may be wrong.
  if (kind !== 'anthropic') expect(round.outputTokens).toBeGreaterThanOrEqual(200);
  expect(used[0]?.tokens).toBe(round.inputTokens + round.outputTokens);
});

test.each([
  ['negative', -5],
  ['broken', 1.5],
  ['of a universe', 1e15],
])('Counts that are %s are ignored', async (_, count) => {
  server.next({ say: 'Well', usage: { input: count, output: count, cached: count } });
  const round = await ask(modelOf(server).language).round;
  expect(round).toMatchObject({ estimated: true, outputTokens: 2, cachedInputTokens: 0 });
  expect(round.inputTokens).toBeLessThan(100);
});

test('Usage reports group models that never answered', async () => {
  server.next({ fail: 404 }, {}, { fail: 404 });
  const provider = { name: 'scripted', kind: 'openai-compatible', baseUrl: server.baseUrl } as const;
  const models = createModels({ embeddings: undefined, answers: undefined, providers: [provider] });
  const reported: string[] = [];
  models.onUsage = ({ model }) => reported.push(model);
  const askFor = (name: string) => {
    const model = models.language.resolve('scripted', name);
    if (!model) throw new Error('There is no model.');
    return ask(model).round;
  };
  expect((await failureOf(askFor('invented'))).code).toBe('MODEL_REFUSED');
  await askFor('real');
  await failureOf(askFor('real'));
  expect(reported).toEqual(['scripted/other', 'scripted/real', 'scripted/real']);
});

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type ScriptedModel, type ScriptedRound, startScriptedModel } from '../../testkit/scripted-model.ts';
import { ask, failureOf, KEY, KINDS, modelOf, weather } from './language-model-fixtures.ts';

let server: ScriptedModel;

beforeAll(async () => {
  server = await startScriptedModel();
});
afterEach(() => server.reset());
afterAll(() => server.close());

const closed = () => expect.poll(() => server.open).toBe(0);

describe.each(KINDS)('A model of %s', (kind) => {
  test.each<[string, ScriptedRound, string, string, boolean]>([
    ['a wrong key', { fail: 401, message: `No such key: ${KEY}` }, 'MODEL_REFUSED', 'status 401: No such key: [key]', false],
    ['an unknown model', { fail: 404, message: 'No model m-1' }, 'MODEL_REFUSED', 'status 404: No model m-1', false],
    ['too long a prompt', { fail: 400, message: 'Too long' }, 'MODEL_REFUSED', 'status 400: Too long', false],
    ['a redirection', { fail: 302 }, 'MODEL_REFUSED', 'status 302', false],
    [
      'addresses',
      { fail: 400, message: 'See https://user:pw@inner.example/v1?a=b, or 10.0.0.7:8080' },
      'MODEL_REFUSED',
      'See [address] or [address]',
      false,
    ],
    ['too many requests', { fail: 429 }, 'MODEL_OVERLOADED', 'status 429', true],
    ['a broken server', { fail: 503 }, 'MODEL_OVERLOADED', 'status 503', true],
    ['an overloaded server', { fail: 529 }, 'MODEL_OVERLOADED', 'status 529', true],
    ['a page of HTML', { body: '<!doctype html><title>Sign in</title>' }, 'MODEL_NONSENSE', 'broke off', true],
    ['a line that is no JSON', { say: 'So', data: '{"choices":[' }, 'MODEL_NONSENSE', 'cannot be read', false],
    ['a line that is something else', { say: 'So', data: '{"choices":7}' }, 'MODEL_NONSENSE', 'cannot be read', false],
    ['a broken connection', { say: 'So far', cutOff: 'hard' }, 'MODEL_NONSENSE', 'broke off', true],
    ['an end in the middle', { say: 'So far', cutOff: 'cleanly' }, 'MODEL_NONSENSE', 'broke off', true],
    ['an end before anything', { cutOff: 'cleanly' }, 'MODEL_NONSENSE', 'broke off', true],
    [
      'an end in a call',
      { call: [{ name: 'get_weather', rawArguments: '{"ci' }], cutOff: 'cleanly' },
      'MODEL_NONSENSE',
      'broke off',
      true,
    ],
    ['silence', { stall: 'start' }, 'MODEL_STALLED', 'did not begin to answer within 0.3 seconds', true],
    ['silence in the middle', { say: 'So far', stall: 'end' }, 'MODEL_STALLED', 'fell silent for 0.1 seconds', true],
    ['nothing but signs of life', { endless: 'pings' }, 'MODEL_STALLED', 'did not begin', true],
    ['slowness', { say: 'x '.repeat(1_000), delayMs: 20 }, 'MODEL_TIMEOUT', 'did not finish its answer within 0.5 seconds', true],
    ['endless text', { endless: 'text' }, 'MODEL_NONSENSE', 'too large', false],
    ['endless arguments', { endless: 'arguments' }, 'MODEL_NONSENSE', 'too large', false],
    ['an endless line', { endless: 'line' }, 'MODEL_NONSENSE', 'too large', false],
    ['endless calls', { endless: 'calls' }, 'MODEL_NONSENSE', 'more than 5 tools', false],
  ])('that answers with %s', async (_, round, code, message, retryable) => {
    server.always(() => round);
    const limits = {
      // One limit at a time, so that a slow machine does not exceed another.
      ...(message.startsWith('did not begin') && { firstTokenMs: 300 }),
      ...(message.startsWith('fell silent') && { stallMs: 100 }),
      ...(message.startsWith('did not finish') && { totalMs: 500 }),
      maxTextBytes: 100_000,
      maxAnswerBytes: 1_000_000,
      maxToolCalls: 5,
    };
    const { language, used } = modelOf(server, { kind, limits });
    const asked = ask(language, { tools: [weather] });
    const error = await failureOf(asked.round);
    expect(error).toMatchObject({ code, retryable, message: expect.stringContaining(message) });
    expect(error.message).not.toContain(server.baseUrl.slice(7, 20));
    expect(error.message).toContain('scripted/m-1');
    expect(error.cause).toBeUndefined();
    const attempts = retryable && code !== 'MODEL_TIMEOUT' ? 3 : 1;
    expect(server.requests).toHaveLength(attempts);
    expect(asked.chunks.filter((piece) => piece === '[restart]')).toHaveLength(attempts - 1);
    expect(used.map(({ outcome, tokens }) => [outcome, tokens])).toEqual(Array(attempts).fill(['error', 0]));
    await closed();
  });

  test('that fails once is retried, and the text restarts', async () => {
    server.next({ say: 'One two', cutOff: 'hard' }, { fail: 500 }, { say: 'One two three' });
    const { language, used } = modelOf(server, { kind });
    const { round, chunks } = ask(language);
    expect(await round).toMatchObject({ text: 'One two three', retries: 2 });
    expect(chunks).toEqual(['One ', 'two', '[restart]', '[restart]', 'One ', 'two ', 'three']);
    expect(used.map(({ outcome }) => outcome)).toEqual(['error', 'error', 'ok']);
  });

  test.each<[string, ScriptedRound]>([
    ['before the answer', { stall: 'start' }],
    ['before the first piece', { gate: 'never' }],
    ['in the middle', { say: 'One two', gateInside: 'never' }],
    ['while it streams', { say: 'x '.repeat(10_000), delayMs: 1 }],
    ['while it pours', { endless: 'text' }],
  ])('is cancelled on abort, %s', async (_, round) => {
    server.next(round);
    const controller = new AbortController();
    const reason = new Error('Nobody waits.');
    const { language } = modelOf(server, { kind, limits: { maxTextBytes: 1e9, maxAnswerBytes: 1e9 } });
    const asked = ask(language, { signal: controller.signal });
    const ended = asked.round.then(
      () => ({ error: undefined, at: performance.now() }),
      (error: unknown) => ({ error, at: performance.now() }),
    );
    await expect.poll(() => server.requests.length).toBe(1);
    if (round.say || round.endless) await expect.poll(() => asked.chunks.length).toBeGreaterThan(0);
    const before = performance.now();
    controller.abort(reason);
    const { error, at } = await ended;
    expect(error).toBe(reason);
    expect(at - before).toBeLessThan(100);
    await closed();
    const chunks = asked.chunks.length;
    await new Promise(setImmediate);
    expect(asked.chunks).toHaveLength(chunks);
    expect(server.requests).toHaveLength(1);
  });
});

test.each<[string, string, string, string, boolean]>([
  ['openai-compatible', '{"error":{"message":"Overloaded","type":"server_error"}}', 'MODEL_OVERLOADED', 'Overloaded', true],
  ['openai', '{"error":{"message":"Overloaded","type":"server_error"}}', 'MODEL_OVERLOADED', 'Overloaded', true],
  ['openai-compatible', '{"error":{"message":"No","type":"invalid_request_error"}}', 'MODEL_REFUSED', 'No', false],
  [
    'anthropic',
    '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}',
    'MODEL_OVERLOADED',
    'Overloaded',
    true,
  ],
] as const)('An error that %s reports in the stream: %s', async (kind, data, code, message, retryable) => {
  server.always(() => ({ say: 'So far', data }));
  const error = await failureOf(ask(modelOf(server, { kind: kind as 'openai' }).language).round);
  expect(error).toMatchObject({ code, retryable, message: expect.stringContaining(message) });
});

test('An unknown model', async () => {
  const { language } = modelOf({ baseUrl: 'http://127.0.0.1:1/v1' });
  const error = await failureOf(ask(language).round);
  expect(error).toMatchObject({
    code: 'MODEL_UNREACHABLE',
    retryable: true,
    message: 'The model scripted/m-1 cannot be reached.',
  });
});

test('Retry-After delays the retry', async () => {
  server.next({ fail: 429, retryAfter: '1' });
  const { language } = modelOf(server);
  const round = await ask(language).round;
  const [first, second] = server.requests;
  expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(990);
  expect(round).toMatchObject({ retries: 1, firstTokenMs: expect.any(Number) });
  expect(round.firstTokenMs).toBeGreaterThanOrEqual(990);
});

test('A long Retry-After fails the step and reports the delay', async () => {
  server.next({ fail: 429, retryAfter: '3600' });
  const error = await failureOf(ask(modelOf(server).language).round);
  expect(error).toMatchObject({ code: 'MODEL_OVERLOADED', retryable: true, retryAfterSeconds: 3600 });
  expect(server.requests).toHaveLength(1);
});

test('A step that is aborted while it waits for a retry', async () => {
  server.next({ fail: 429, retryAfter: '30' });
  const controller = new AbortController();
  const { round, chunks } = ask(modelOf(server).language, { signal: controller.signal });
  await expect.poll(() => chunks).toEqual(['[restart]']);
  controller.abort(new Error('Enough.'));
  await expect(round).rejects.toThrow('Enough.');
});

test('An aborted signal sends no request', async () => {
  const { round } = ask(modelOf(server).language, { signal: AbortSignal.abort(new Error('Too late.')) });
  await expect(round).rejects.toThrow('Too late.');
  expect(server.requests).toHaveLength(0);
});

test.each(['onText', 'onRestart'] as const)('What %s throws ends the round, and is thrown as it is', async (name) => {
  server.always(() => ({ say: 'One two three', ...(name === 'onRestart' && { cutOff: 'hard' }) }));
  const thrown = new Error('The draft is gone.');
  const { language } = modelOf(server);
  const { round } = ask(language, {
    [name]: () => {
      throw thrown;
    },
  });
  await expect(round).rejects.toBe(thrown);
  expect(server.requests).toHaveLength(1);
  await closed();
});

test('Writes nothing to the console and leaves no unhandled rejection', async () => {
  const seen: unknown[] = [];
  const listen = (what: unknown) => seen.push(what);
  const write = console.error;
  console.error = listen;
  process.on('unhandledRejection', listen);
  try {
    server.next({ fail: 400 }, { say: 'a', data: '{' }, { body: '<p>' }, { fail: 400 });
    const { language } = modelOf(server, { kind: 'openai', model: 'gpt-5-mini' });
    for (let count = 0; count < 2; count++) await failureOf(ask(language, { temperature: 1 }).round);
    await failureOf(ask(language, { temperature: 1 }).round);
    await ask(language, { temperature: 1 }).round;
    await new Promise((resolve) => setTimeout(resolve, 20));
  } finally {
    console.error = write;
    process.off('unhandledRejection', listen);
  }
  expect(seen).toEqual([]);
});

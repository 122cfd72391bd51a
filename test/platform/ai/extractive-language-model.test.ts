import { expect, test } from 'vitest';
import { createExtractive, type Search } from '../../../src/platform/ai/language/extractive-language-model.ts';
import { ask } from './language-model-fixtures.ts';

const NOT_FOUND = 'It found nothing.';
const ANSWER = 'The tour begins in the old town [1].\n\nA ticket is 5 € [2].';

function extractive(answer = ANSWER) {
  const asked: string[] = [];
  const search: Search = async (question) => {
    asked.push(question);
    return { answer };
  };
  return { model: createExtractive(search, { notFound: NOT_FOUND }), asked };
}

test('streams the result of the search word by word and identifies itself', async () => {
  const { model, asked } = extractive();
  const { round, chunks } = ask(model, { text: ' Where does it begin? ' });
  const text = `The built-in extractive model found this:\n\n${ANSWER}`;
  expect(await round).toEqual({
    text,
    toolCalls: [],
    adjustments: [],
    reasoning: '',
    finishReason: 'stop',
    inputTokens: expect.any(Number),
    outputTokens: expect.any(Number),
    cachedInputTokens: 0,
    estimated: true,
    latencyMs: expect.any(Number),
    firstTokenMs: expect.any(Number),
    retries: 0,
  });
  expect(chunks.length).toBeGreaterThan(15);
  expect(chunks.join('')).toBe(text);
  expect(asked).toEqual(['Where does it begin?']);
  expect(model).toMatchObject({ id: 'built-in/extractive', provider: 'built-in', model: 'extractive' });
});

test('returns the configured text if the search finds nothing', async () => {
  const { model } = extractive(' ');
  const { text } = await ask(model, {}).round;
  expect(text).toBe(NOT_FOUND);
});

test('answers the last user message and calls no tools', async () => {
  const { model, asked } = extractive();
  const round = await ask(model, {
    messages: [
      { role: 'user', text: 'First?' },
      { role: 'assistant', text: 'Yes.' },
      { role: 'user', text: 'Second?' },
      { role: 'assistant', text: '', toolCalls: [{ id: '1', name: 'find', arguments: {} }] },
      { role: 'tool', toolResults: [{ toolCallId: '1', name: 'find', output: 'x', isError: false }] },
    ],
    tools: [{ name: 'find', description: 'Finds.', inputSchema: { type: 'object' } }],
  }).round;
  expect(asked).toEqual(['Second?']);
  expect(round.toolCalls).toEqual([]);
});

test('does not search for an empty question', async () => {
  const { model, asked } = extractive();
  expect((await ask(model, { text: '  ' }).round).text).toMatch('found nothing');
  expect((await ask(model, { messages: [] }).round).text).toMatch('found nothing');
  expect(asked).toEqual([]);
});

test('aborts a long answer and rethrows errors of the search', async () => {
  const { model } = extractive('word '.repeat(10_000));
  const controller = new AbortController();
  const heard: string[] = [];
  const onText = (piece: string) => {
    heard.push(piece);
    if (heard.length === 1_000) controller.abort(new Error('Enough.'));
  };
  await expect(ask(model, { signal: controller.signal, onText }).round).rejects.toThrow('Enough.');
  expect(heard.length).toBe(1_000);

  const failingSearch: Search = async () => {
    throw new Error('The index is gone.');
  };
  const broken = createExtractive(failingSearch, { notFound: NOT_FOUND });
  await expect(ask(broken).round).rejects.toThrow('The index is gone.');
});

test('counts tokens with the given function', async () => {
  const model = createExtractive(async () => ({ answer: ANSWER }), {
    notFound: NOT_FOUND,
    countTokens: (text) => text.split(/\s+/).length,
  });
  expect(await ask(model, { text: 'Where is it?' }).round).toMatchObject({ inputTokens: 3, outputTokens: 20 });
});

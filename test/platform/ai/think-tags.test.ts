import { describe, expect, test } from 'vitest';
import { splitReasoning, ThinkTagSplitter } from '../../../src/platform/ai/language/think-tags.ts';

/** Splits a text that arrives in pieces of one size. */
function inPieces(whole: string, size: number) {
  const found = { text: '', reasoning: '' };
  const splitter = new ThinkTagSplitter({
    onText: (piece) => {
      found.text += piece;
    },
    onReasoning: (piece) => {
      found.reasoning += piece;
    },
    onTextWasReasoning: () => {
      found.reasoning += found.text;
      found.text = '';
    },
  });
  for (let start = 0; start < whole.length; start += size) splitter.push(whole.slice(start, start + size));
  splitter.end();
  return found;
}

const CASES: [string, string, string, string][] = [
  ['no tag', 'Good day.', '', 'Good day.'],
  ['a tag at the beginning', '<think>Hm.</think>\n\nGood day.', 'Hm.', 'Good day.'],
  ['white space before the tag', '\n <think>Hm.</think>Good day.', 'Hm.', 'Good day.'],
  ['an empty tag', '<think>\n\n</think>\n\nGood day.', '\n\n', 'Good day.'],
  ['two tags', '<think>One.</think>\n<think>Two.</think> Done.', 'One.Two.', 'Done.'],
  ['another spelling', '<Thinking>Hm.</Thinking>Good day.', 'Hm.', 'Good day.'],
  ['brackets', '[THINK]Hm.[/THINK]Good day.', 'Hm.', 'Good day.'],
  ['triangles', '◁think▷Hm.◁/think▷Good day.', 'Hm.', 'Good day.'],
  ['no end', '<think>Hm. And then', 'Hm. And then', ''],
  ['no beginning', 'Hm.\nSo it is.\n</think>\n\nGood day.', 'Hm.\nSo it is.\n', 'Good day.'],
  ['no beginning and no answer', 'Hm.\n</think>', 'Hm.\n', ''],
  ['a tag in prose', 'Use <think> and </think> in the text.', '', 'Use <think> and </think> in the text.'],
  ['an end tag in code', 'See:\n```xml\n</think>\n```\nThat is it.', '', 'See:\n```xml\n</think>\n```\nThat is it.'],
  ['a tag in the answer', '<think>Hm.</think>Write\n</think>\nthere.', 'Hm.', 'Write\n</think>\nthere.'],
  ['a similar beginning', '<thin ice>', '', '<thin ice>'],
  ['a part of a tag at the end', 'It is <th', '', 'It is <th'],
  ['nothing', '', '', ''],
];

describe.each(CASES)('A text with %s', (_, whole, reasoning, text) => {
  test.each([1, 2, 3, 7, 1_000])('is separated in pieces of %d', (size) => {
    expect(inPieces(whole, size)).toEqual({ text, reasoning });
  });
});

test('Separates a whole text', () => {
  expect(splitReasoning('<think>Hm.</think> Yes.')).toEqual({ text: 'Yes.', reasoning: 'Hm.' });
});

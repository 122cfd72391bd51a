import { expect, test } from 'vitest';
import { extractiveAnswer } from '../../../src/modules/knowledge/answers/extractive-answer.ts';

const text = 'Refunds\n\nRefunds are paid within five working days.\n\nSupport\n\nSupport answers within one working day.';

test('an answer is made of sentences, and of no headings', () => {
  const answer = extractiveAnswer('How fast are refunds paid?', [{ number: 1, title: 'Handbook', text, score: 1 }]);
  expect(answer).toBe('Refunds are paid within five working days. [1]');
});

test('passages that say nothing of it are not quoted', () => {
  const answer = extractiveAnswer('Which volcano erupted?', [{ number: 1, title: 'Handbook', text, score: 1 }]);
  expect(answer).toBe('The documents that were searched say nothing about this.');
});

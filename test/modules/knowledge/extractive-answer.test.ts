import { expect, test } from 'vitest';
import { extractiveAnswer } from '../../../src/modules/knowledge/answers/extractive-answer.ts';

const text = 'Refunds\n\nRefunds are paid within five working days.\n\nSupport\n\nSupport answers within one working day.';

test('quotes sentences and no headings', () => {
  const answer = extractiveAnswer('How fast are refunds paid?', [{ number: 1, title: 'Handbook', text, score: 1 }]);
  expect(answer).toBe('Refunds are paid within five working days. [1]');
});

test('reports no answer when no chunk matches the topic', () => {
  const answer = extractiveAnswer('Which volcano erupted?', [{ number: 1, title: 'Handbook', text, score: 1 }]);
  expect(answer).toBe('The searched documents contain no answer to this question.');
});

import { expect, test } from 'vitest';
import { mean, scoreRetrieval } from '../../../src/modules/knowledge/evaluation/retrieval-scores.ts';

test.each([
  ['all expected documents in the first ranks', ['a', 'b', 'c'], ['a', 'b'], { recall: 1, reciprocalRank: 1, ndcg: 1 }],
  // 1 / log2(3) of 1.
  ['the expected document at rank 2', ['x', 'a'], ['a'], { recall: 1, reciprocalRank: 1 / 2, ndcg: 0.6309 }],
  // (1 / log2(2) + 1 / log2(4)) / (1 / log2(2) + 1 / log2(3) + 1 / log2(4)).
  [
    'two of three expected documents, with another between them',
    ['a', 'x', 'b'],
    ['a', 'b', 'c'],
    { recall: 2 / 3, reciprocalRank: 1, ndcg: 0.7039 },
  ],
  ['several chunks of one document', ['x', 'x', 'x', 'a'], ['a'], { recall: 1, reciprocalRank: 1 / 2, ndcg: 0.6309 }],
  ['no expected document found', ['x', 'y'], ['a'], { recall: 0, reciprocalRank: 0, ndcg: 0 }],
  ['nothing found', [], ['a'], { recall: 0, reciprocalRank: 0, ndcg: 0 }],
  ['nothing expected, nothing found', [], [], { recall: 1, reciprocalRank: 1, ndcg: 1 }],
  ['nothing expected, something found', ['x'], [], { recall: 0, reciprocalRank: 0, ndcg: 0 }],
  [
    'the expected document beyond rank 10',
    [...Array.from({ length: 10 }, (_, index) => `x${index}`), 'a'],
    ['a'],
    { recall: 1, reciprocalRank: 1 / 11, ndcg: 0 },
  ],
])('scores %s', (_name, found, expected, { recall, reciprocalRank, ndcg }) => {
  const scores = scoreRetrieval(found, expected);
  expect(scores.recall).toBeCloseTo(recall, 4);
  expect(scores.reciprocalRank).toBeCloseTo(reciprocalRank, 4);
  expect(scores.ndcg).toBeCloseTo(ndcg, 4);
});

test('the mean of an empty list is null', () => {
  expect([mean([]), mean([1, 0])]).toEqual([null, 0.5]);
});

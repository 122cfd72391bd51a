import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { EMBEDDING_WIDTH } from '../../../src/platform/ai/embedding/embedder.ts';
import { hashingEmbedder } from '../../../src/platform/ai/embedding/hashing-embedder.ts';
import { corpus, questions } from './similarity-corpus.ts';

async function embed(...texts: string[]): Promise<Float32Array[]> {
  return (await hashingEmbedder.embed(texts)).vectors;
}

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, number, index) => sum + number * (b[index] ?? 0), 0);
}

async function similarity(a: string, b: string): Promise<number> {
  const [first, second] = await embed(a, b);
  return dot(first as Float32Array, second as Float32Array);
}

test('Vectors have the width of the column and length 1', async () => {
  const vectors = await embed('The tour begins at the old town hall.', 'a', '請求書を支払う', 'word '.repeat(50_000), '🙂');
  for (const vector of vectors) {
    expect(vector).toHaveLength(EMBEDDING_WIDTH);
    expect(vector.every(Number.isFinite)).toBe(true);
    expect(dot(vector, vector)).toBeCloseTo(1, 5);
  }
});

test('all texts without words share a vector that no other text has', async () => {
  const [empty, dots, spaces, word] = (await embed('', '… !?', ' \n\t', 'tour')) as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  expect(dot(empty, empty)).toBe(1);
  expect(dots).toEqual(empty);
  expect(spaces).toEqual(empty);
  expect(Math.abs(dot(word, empty))).toBeLessThan(0.3);
});

test('a text always has the same vector, in any Unicode normal form', async () => {
  const [first] = await embed('Café № 5, ﬁnally');
  await embed(...Object.values(corpus), 'x'.repeat(1000));
  const [again, decomposed, upper] = await embed('Café № 5, ﬁnally', 'Cafe\u0301 No 5, finally', 'CAFÉ NO 5, FINALLY');
  expect(again).toEqual(first);
  expect(decomposed).toEqual(first);
  expect(upper).toEqual(first);
});

test('Stored vectors stay comparable: a change of features needs a new id', async () => {
  const [vector] = await embed('Rechnungen, factures and invoices: 3 of 4 were paid. 請求書');
  const rounded = [...(vector as Float32Array)].map((number) => Math.round(number * 10_000)).join();
  const digest = createHash('sha256').update(rounded).digest('hex').slice(0, 16);
  expect({ id: hashingEmbedder.id, digest }).toMatchInlineSnapshot(`
    {
      "digest": "673f4ff5966d431d",
      "id": "local-lexical",
    }
  `);
});

test.each([
  ['invoice', 'invoices'],
  ['receive', 'recieve'],
  ['authentication', 'authenticate'],
  ['the invoice was paid', 'paying invoices'],
  ['Die Zahlung der Rechnung', 'Rechnungen bezahlen'],
  ['請求書の支払い', '請求書を支払う'],
])('%s is similar to %s', async (a, b) => {
  const unrelated = await Promise.all(
    ['giraffe', 'sunny weather tomorrow', 'Kartoffelsuppe', '天気予報'].map((other) => similarity(a, other)),
  );
  expect(await similarity(a, b)).toBeGreaterThan(Math.max(...unrelated) + 0.08);
});

test('function words do not make texts similar', async () => {
  expect(await similarity('What is it that you do with this?', 'What is it that you have for that?')).toBeGreaterThan(0.3);
  const shared = await similarity('what is the price of the ticket', 'what is the colour of the giraffe');
  const about = await similarity('what is the price of the ticket', 'ticket prices');
  expect(about).toBeGreaterThan(3 * shared);
});

test('ranks chunks that answer a question first', async () => {
  const names = Object.keys(corpus);
  const vectors = await embed(...Object.values(corpus));
  const asked = await embed(...questions.map(([question]) => question));
  const first = asked.map((question) => {
    const similarities = vectors.map((passage) => dot(question, passage));
    return names[similarities.indexOf(Math.max(...similarities))];
  });
  const found = questions.filter(([, answeredBy], index) => first[index] === answeredBy).length;
  expect(found / questions.length).toBeGreaterThanOrEqual(0.85);
});

test('counts words and stops when aborted', async () => {
  expect((await hashingEmbedder.embed(['two words', 'and three more'])).tokens).toBe(5);
  const reason = new Error('no longer wanted');
  await expect(hashingEmbedder.embed(['text'], { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
});

test('yields to the event loop', async () => {
  let turns = 0;
  let done = false;
  const count = () => {
    turns++;
    if (!done) setImmediate(count);
  };
  setImmediate(count);
  await hashingEmbedder.embed(new Array(320).fill(corpus.overview));
  done = true;
  expect(turns).toBeGreaterThanOrEqual(9);
});

import { setImmediate } from 'node:timers/promises';
import { EMBEDDING_WIDTH, type Embedder } from './embedder.ts';
import { FeatureHashMap } from './feature-hash-map.ts';
import { stopWords } from './stop-words.ts';

// Stored vectors are only comparable with those of the same weights and hashes: what changes anything below changes the id too.
const ID = 'local-lexical';

const WEIGHTS = { word: 1, pair: 0.5, gram: 0.5, functionWord: 0.1 };
const SEEDS = { word: 0x811c9dc5, pair: 0x5bd1e995, gram: 0x9e3779b1 };

/** Beyond them a word is cut in two. Longer ones are data, not language. */
const MAX_WORD_LENGTH = 64;
/** Where East Asian scripts begin, which write no spaces: their "words" are sentences, so their characters count instead. */
const EAST_ASIAN = 0x2e80;
const START = 0x02;
const END = 0x03;

function mix(hash: number, code: number): number {
  return Math.imul(hash ^ code, 0x01000193);
}

/** The finalizer of MurmurHash3: FNV alone leaves the low bits of short keys alike. */
function finish(hash: number): number {
  let h = hash ^ (hash >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

function hashWord(word: string): number {
  let hash = SEEDS.word;
  for (let i = 0; i < word.length; i++) hash = mix(hash, word.charCodeAt(i));
  return hash;
}

const damped = new Set(stopWords.map(hashWord));

/** Whether a UTF-16 unit belongs to a word: letters, their marks, digits, and halves of pairs. Looked up, since a regex per unit is slow. */
const inWord = Uint8Array.from({ length: 0x10000 }, (_, unit) =>
  (unit >= 0xd800 && unit <= 0xdfff) || /[\p{L}\p{M}\p{N}]/u.test(String.fromCharCode(unit)) ? 1 : 0,
);

const features = new FeatureHashMap();
const word = new Uint16Array(MAX_WORD_LENGTH + 2);

/** Pieces of a word, so that another form of it or a slip in it stays near. */
function addGrams(length: number): void {
  const eastAsian = (word[1] ?? 0) >= EAST_ASIAN;
  const [first, last, shortest, longest] = eastAsian ? [1, length + 1, 1, 3] : [0, length + 2, 3, 5];
  for (let from = first; from < last; from++) {
    let hash = SEEDS.gram;
    const until = Math.min(from + longest, last);
    for (let i = from; i < until; i++) {
      hash = mix(hash, word[i] ?? 0);
      if (i - from + 1 >= shortest) features.add(finish(hash), WEIGHTS.gram);
    }
  }
}

/** Fills `features`. Returns how many words there are. */
function read(text: string): number {
  let words = 0;
  let previous = 0;
  let previousDamped = false;
  for (let i = 0; i < text.length; i++) {
    if (inWord[text.charCodeAt(i)] === 0) continue;
    let length = 0;
    let hash = SEEDS.word;
    word[0] = START;
    for (; i < text.length && length < MAX_WORD_LENGTH; i++) {
      const unit = text.charCodeAt(i);
      if (inWord[unit] === 0) break;
      word[++length] = unit;
      hash = mix(hash, unit);
    }
    if (length === MAX_WORD_LENGTH) i--;
    word[length + 1] = END;
    const isDamped = damped.has(hash);
    features.add(finish(hash), isDamped ? WEIGHTS.functionWord : WEIGHTS.word);
    if (!isDamped) addGrams(length);
    if (words > 0) {
      const pair = finish(mix(mix(SEEDS.pair, previous), hash));
      features.add(pair, WEIGHTS.pair * (isDamped || previousDamped ? WEIGHTS.functionWord : 1));
    }
    previous = hash;
    previousDamped = isDamped;
    words++;
  }
  return words;
}

/** Adds up the features with the sign of their hash, so that those that share a number cancel out on average, and scales to length 1. */
function write(vector: Float32Array): void {
  const sums = new Float64Array(EMBEDDING_WIDTH);
  features.drain((hash, weight, count) => {
    const value = weight * (1 + Math.log(count));
    const at = (hash >>> 1) % EMBEDDING_WIDTH;
    sums[at] = (sums[at] ?? 0) + ((hash & 1) === 0 ? value : -value);
  });
  let squares = 0;
  for (const sum of sums) squares += sum * sum;
  // Nothing to tell it by. A vector of zeros has no direction, and no cosine with anything.
  if (squares === 0) sums[0] = squares = 1;
  const scale = 1 / Math.sqrt(squares);
  for (let i = 0; i < EMBEDDING_WIDTH; i++) vector[i] = (sums[i] ?? 0) * scale;
}

const ASCII = /^[\0-\x7f]*$/;

function embedOne(text: string): { vector: Float32Array; words: number } {
  const plain = (ASCII.test(text) ? text : text.normalize('NFKC')).toLowerCase();
  const words = read(plain);
  const vector = new Float32Array(EMBEDDING_WIDTH);
  write(vector);
  return { vector, words };
}

/**
 * Needs no network and no key. It is lexical: texts are near each other when they share words, pairs of words and pieces of words,
 * so inflections and typing errors are found, but it knows no meaning and no synonyms ("car" and "automobile" are strangers), and no
 * other language than the text's own. Features are hashed to 1536 signed numbers (Weinberger et al., 2009), which adds a little
 * noise to every similarity: about ±0.03.
 *
 * The same text gives the same vector everywhere. Its `tokens` are words.
 */
export const hashingEmbedder: Embedder = {
  id: ID,
  dimensions: EMBEDDING_WIDTH,
  async embed(texts, { signal } = {}) {
    const vectors: Float32Array[] = [];
    let tokens = 0;
    for (const [index, text] of texts.entries()) {
      // The work is done on the thread that serves requests.
      if (index % 32 === 31) await setImmediate();
      signal?.throwIfAborted();
      const { vector, words } = embedOne(text);
      vectors.push(vector);
      tokens += words;
    }
    return { vectors, tokens };
  },
};

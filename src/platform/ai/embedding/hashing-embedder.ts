import { setImmediate } from 'node:timers/promises';
import { EMBEDDING_WIDTH, type Embedder } from './embedder.ts';
import { FeatureHashMap } from './feature-hash-map.ts';
import { stopWords } from './stop-words.ts';

// Stored vectors are comparable only with vectors of the same weights and hashes: any change below requires a new id.
const ID = 'local-lexical';

const WEIGHTS = { word: 1, pair: 0.5, gram: 0.5, functionWord: 0.1 };
const SEEDS = { word: 0x811c9dc5, pair: 0x5bd1e995, gram: 0x9e3779b1 };

/** Longer words are split. They are data, not language. */
const MAX_WORD_LENGTH = 64;
/** The start of the East Asian scripts. They have no spaces between words, so their characters are the features. */
const EAST_ASIAN = 0x2e80;
const START = 0x02;
const END = 0x03;

function mix(hash: number, code: number): number {
  return Math.imul(hash ^ code, 0x01000193);
}

/** The finalizer of MurmurHash3: FNV alone distributes the low bits of short keys poorly. */
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

/** Whether a UTF-16 unit belongs to a word: letters, marks, digits and surrogates. A table, because a regex per unit is slow. */
const inWord = Uint8Array.from({ length: 0x10000 }, (_, unit) =>
  (unit >= 0xd800 && unit <= 0xdfff) || /[\p{L}\p{M}\p{N}]/u.test(String.fromCharCode(unit)) ? 1 : 0,
);

const features = new FeatureHashMap();
const word = new Uint16Array(MAX_WORD_LENGTH + 2);

/** Adds the n-grams of a word, so that inflections and typing errors stay similar. */
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

/** Adds the features of a text. Returns its number of words. */
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

/** Sums the features with the sign of their hash, so that collisions cancel out on average, and normalizes the vector. */
function write(vector: Float32Array): void {
  const sums = new Float64Array(EMBEDDING_WIDTH);
  features.drain((hash, weight, count) => {
    const value = weight * (1 + Math.log(count));
    const at = (hash >>> 1) % EMBEDDING_WIDTH;
    sums[at] = (sums[at] ?? 0) + ((hash & 1) === 0 ? value : -value);
  });
  let squares = 0;
  for (const sum of sums) squares += sum * sum;
  // A text without features. A zero vector would have no cosine with any vector.
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
 * A lexical embedder without network access or key. Texts are similar if they share words, pairs of words and n-grams, so a search tolerates
 * inflections and typing errors. It does not match synonyms ("car" and "automobile") or translations. Hashes features to 1536 signed
 * dimensions (Weinberger et al., 2009), which adds noise of about ±0.03 to every similarity.
 *
 * Deterministic on every machine. Its `tokens` are words.
 */
export const hashingEmbedder: Embedder = {
  id: ID,
  source: undefined,
  dimensions: EMBEDDING_WIDTH,
  async embed(texts, { signal } = {}) {
    const vectors: Float32Array[] = [];
    let tokens = 0;
    for (const [index, text] of texts.entries()) {
      // Yields: this runs on the thread that serves requests.
      if (index % 32 === 31) await setImmediate();
      signal?.throwIfAborted();
      const { vector, words } = embedOne(text);
      vectors.push(vector);
      tokens += words;
    }
    return { vectors, tokens, estimated: false };
  },
};

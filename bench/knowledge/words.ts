import { stopWords } from '../../src/platform/ai/embedding/stop-words.ts';

/** Pseudo-random numbers in [0, 1), equal in every run (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export type Random = ReturnType<typeof seeded>;

const VOCABULARY = 8000;
const TOPICS = 400;
const TOPIC_WORDS = 60;
const ONSETS = [
  'b',
  'br',
  'c',
  'ch',
  'd',
  'dr',
  'f',
  'g',
  'gr',
  'h',
  'k',
  'l',
  'm',
  'n',
  'p',
  'pl',
  'r',
  's',
  'st',
  't',
  'tr',
  'v',
];
const VOWELS = ['a', 'e', 'i', 'o', 'u', 'ai', 'ea', 'ou'];
const CODAS = ['', '', 'n', 'r', 'l', 't', 's', 'm', 'nd', 'ck'];

/** The English stop words, which come first in the list. */
const ENGLISH = stopWords.slice(0, stopWords.indexOf('your') + 1);

function pick<Item>(random: Random, items: readonly Item[]): Item {
  return items[Math.floor(random() * items.length)] as Item;
}

/** A random index by Zipf's law: the n-th is 1/n as likely as the first. */
function zipf(random: Random, length: number): number {
  return Math.min(length - 1, Math.floor((length + 1) ** random()) - 1);
}

function inventWords(random: Random): string[] {
  const words = new Set<string>();
  while (words.size < VOCABULARY) {
    const syllables = 1 + Math.floor(random() * 3);
    let word = '';
    for (let i = 0; i < syllables; i++) word += pick(random, ONSETS) + pick(random, VOWELS) + (i % 2 ? pick(random, CODAS) : '');
    words.add(word);
  }
  return [...words];
}

/** An artificial language with the word frequencies of a natural one. Texts about the same topic have similar vectors. */
export class Language {
  /** The most frequent first. */
  readonly words: readonly string[];
  readonly #topics: string[][];

  constructor(seed: number) {
    const random = seeded(seed);
    this.words = inventWords(random);
    // The most frequent words belong to no topic.
    const rare = this.words.slice(200);
    this.#topics = Array.from({ length: TOPICS }, () => Array.from({ length: TOPIC_WORDS }, () => pick(random, rare)));
  }

  topic(random: Random): readonly string[] {
    return this.#topics[zipf(random, TOPICS)] as string[];
  }

  /** @param subject words that are more frequent in this sentence */
  sentence(random: Random, subject: readonly string[], length: number): string {
    const words: string[] = [];
    while (words.length < length) words.push(this.#word(random, subject));
    const text = words.join(' ');
    return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
  }

  /** A passage of approximately `words` words. */
  passage(random: Random, subject: readonly string[], words: number): string {
    const sentences: string[] = [];
    for (let left = words; left > 0; ) {
      const length = 6 + Math.floor(random() * 14);
      sentences.push(this.sentence(random, subject, length));
      left -= length;
    }
    return sentences.join(' ');
  }

  #word(random: Random, subject: readonly string[]): string {
    const kind = random();
    if (kind < 0.4) return ENGLISH[zipf(random, ENGLISH.length)] as string;
    if (kind < 0.65) return subject[zipf(random, subject.length)] as string;
    return this.words[zipf(random, this.words.length)] as string;
  }
}

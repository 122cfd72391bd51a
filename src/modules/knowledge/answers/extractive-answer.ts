/** The name of this method in place of a model's name. */
export const EXTRACTIVE = 'extractive';

export interface ScoredChunk {
  number: number;
  title: string;
  text: string;
  /** The score of the search, 0 to 1. */
  score: number;
}

const MAX_SENTENCES = 4;
/** Minimum share of the question's topic words that a chunk contains. */
const MIN_TOPICS = 0.34;
/** Minimum share of the question's weighted words that a sentence contains. */
const MIN_SHARE = 0.25;
const MAX_CHARACTERS = 1_200;
/** A line with fewer words is likely a heading. */
const MIN_WORDS = 3;
const NO_ANSWER = 'The searched documents contain no answer to this question.';

/** A word without common English suffixes, cut to six characters. */
function stemOf(word: string): string {
  return (word.length > 3 ? word.replace(/(ing|ed|es|e|s)$/, '') : word).slice(0, 6);
}

function wordsOf(text: string): string[] {
  return (
    text
      .normalize('NFKC')
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? []
  ).map(stemOf);
}

/** Words of at least four characters, which exclude most question and function words. */
function topicsOf(question: string): string[] {
  const long = question.match(/[\p{L}\p{N}]{4,}/gu) ?? [];
  return [...new Set(wordsOf(long.join(' ')))];
}

function sentencesOf(text: string): string[] {
  const lines = text.split(/\n+/).filter((line) => line.trim() !== '');
  return lines.flatMap((line) =>
    Array.from(new Intl.Segmenter(undefined, { granularity: 'sentence' }).segment(line), ({ segment }) => segment.trim()),
  );
}

/**
 * Answers with sentences of the chunks, each followed by the number of its chunk. It selects the sentences that share the most words with
 * the question, weighted by their rarity.
 */
export function extractiveAnswer(question: string, chunks: readonly ScoredChunk[]): string {
  const asked = new Set(wordsOf(question));
  const topics = topicsOf(question);
  const relevant = chunks.filter(({ title, text }) => {
    const words = new Set(wordsOf(`${title} ${text}`));
    return topics.filter((word) => words.has(word)).length >= topics.length * MIN_TOPICS;
  });
  const sentences = relevant.flatMap((chunk) =>
    sentencesOf(chunk.text).map((text) => ({ text, chunk, words: new Set(wordsOf(text)) })),
  );
  const frequencies = new Map([...asked].map((word) => [word, sentences.filter(({ words }) => words.has(word)).length]));
  // Rare words weigh more. Words that no sentence contains have no weight.
  const weightOf = (word: string) => (frequencies.get(word) ? Math.log(1 + sentences.length / (frequencies.get(word) ?? 1)) : 0);
  const total = [...asked].reduce((sum, word) => sum + weightOf(word), 0);
  const ranked = sentences
    .map((sentence) => {
      const shared = [...asked].filter((word) => sentence.words.has(word)).reduce((sum, word) => sum + weightOf(word), 0);
      return { ...sentence, share: total > 0 ? shared / total : 0 };
    })
    .filter(({ share, text, words }) => share >= MIN_SHARE && words.size >= MIN_WORDS && text.length <= MAX_CHARACTERS)
    .sort((one, other) => other.share * (0.5 + other.chunk.score) - one.share * (0.5 + one.chunk.score));
  const chosen: typeof ranked = [];
  let length = 0;
  for (const sentence of ranked) {
    if (chosen.length === MAX_SENTENCES || length + sentence.text.length > MAX_CHARACTERS) break;
    if (chosen.some(({ text }) => text === sentence.text)) continue;
    chosen.push(sentence);
    length += sentence.text.length;
  }
  if (chosen.length === 0) return NO_ANSWER;
  return chosen.map(({ text, chunk }) => `${text} [${chunk.number}]`).join(' ');
}

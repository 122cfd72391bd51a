/** The name that stands where a model's would. */
export const EXTRACTIVE = 'extractive';

export interface ScoredChunk {
  number: number;
  title: string;
  text: string;
  /** 0 to 1, of the search. */
  score: number;
}

const MAX_SENTENCES = 4;
/** How much of what a question is about a passage must have, and how much of its words a sentence. */
const MIN_TOPICS = 0.34;
const MIN_SHARE = 0.25;
const MAX_CHARACTERS = 1_200;
/** What has fewer words is a heading, and says nothing. */
const MIN_WORDS = 3;
const NOTHING = 'The documents that were searched say nothing about this.';

/** A word without its commonest endings; long ones are told apart by their beginning. */
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

/** Words of a question that say what it is about, rather than that it is one. */
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
 * Answers with sentences of the passages themselves, each with the number of its passage: those that share the most of the question's
 * rarer words. It understands nothing and makes nothing up.
 */
export function extractiveAnswer(question: string, passages: readonly ScoredChunk[]): string {
  const asked = new Set(wordsOf(question));
  const topics = topicsOf(question);
  const about = passages.filter(({ title, text }) => {
    const words = new Set(wordsOf(`${title} ${text}`));
    return topics.filter((word) => words.has(word)).length >= topics.length * MIN_TOPICS;
  });
  const sentences = about.flatMap((passage) =>
    sentencesOf(passage.text).map((text) => ({ text, passage, words: new Set(wordsOf(text)) })),
  );
  const holders = new Map([...asked].map((word) => [word, sentences.filter(({ words }) => words.has(word)).length]));
  // Rare words weigh more; those that no sentence has cannot be answered for.
  const weightOf = (word: string) => (holders.get(word) ? Math.log(1 + sentences.length / (holders.get(word) ?? 1)) : 0);
  const total = [...asked].reduce((sum, word) => sum + weightOf(word), 0);
  const ranked = sentences
    .map((sentence) => {
      const shared = [...asked].filter((word) => sentence.words.has(word)).reduce((sum, word) => sum + weightOf(word), 0);
      return { ...sentence, share: total > 0 ? shared / total : 0 };
    })
    .filter(({ share, text, words }) => share >= MIN_SHARE && words.size >= MIN_WORDS && text.length <= MAX_CHARACTERS)
    .sort((one, other) => other.share * (0.5 + other.passage.score) - one.share * (0.5 + one.passage.score));
  const chosen: typeof ranked = [];
  let length = 0;
  for (const sentence of ranked) {
    if (chosen.length === MAX_SENTENCES || length + sentence.text.length > MAX_CHARACTERS) break;
    if (chosen.some(({ text }) => text === sentence.text)) continue;
    chosen.push(sentence);
    length += sentence.text.length;
  }
  if (chosen.length === 0) return NOTHING;
  return chosen.map(({ text, passage }) => `${text} [${passage.number}]`).join(' ');
}

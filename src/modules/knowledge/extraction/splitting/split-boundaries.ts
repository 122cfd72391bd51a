// A fixed locale: the boundaries must not depend on the locale of the machine.
const sentences = new Intl.Segmenter('en', { granularity: 'sentence' });
const words = new Intl.Segmenter('en', { granularity: 'word' });

/** Characters to search for the end of a word in scripts without spaces. */
const WORD_REACH = 64;

function lastStart(segmenter: Intl.Segmenter, text: string, most: number): number {
  let last = 0;
  for (const { index } of segmenter.segment(text)) {
    if (index > most) break;
    last = index;
  }
  return last;
}

function isSpace(text: string, index: number): boolean {
  const character = text[index];
  return character !== undefined && /\s/.test(character);
}

/**
 * The best end of a chunk between `least` (exclusive) and `most` (inclusive): after a paragraph, a line, a sentence or a word, in this
 * order of preference, else at `most`.
 */
export function lastBoundary(text: string, least: number, most: number): number {
  // One more character shows whether `most` itself is a boundary.
  const reach = text.slice(least, most + 2);
  const span = most - least;
  for (const mark of ['\n\n', '\n']) {
    const at = reach.lastIndexOf(mark, span);
    if (at > 0) return least + at;
  }
  const sentence = lastStart(sentences, reach, span);
  if (sentence > 0) return least + sentence;
  for (let at = most; at > least; at -= 1) if (isSpace(text, at)) return at;
  const from = Math.max(least, most - WORD_REACH);
  const word = lastStart(words, text.slice(from, most + WORD_REACH), most - from);
  return word > 0 ? from + word : most;
}

/**
 * The best start of the overlap from `least` (inclusive) to `end` (exclusive): a line or sentence in the first half, else a word, else
 * `least`.
 */
export function firstBoundary(text: string, least: number, end: number): number {
  const half = (end - least) / 2;
  for (const { index } of sentences.segment(text.slice(least, end))) {
    if (index > half) break;
    if (index > 0) return least + index;
  }
  for (let at = least; at < end; at += 1) if (isSpace(text, at)) return at + 1;
  const reach = text.slice(least, Math.min(end, least + WORD_REACH));
  for (const { index } of words.segment(reach)) if (index > 0) return least + index;
  return least;
}

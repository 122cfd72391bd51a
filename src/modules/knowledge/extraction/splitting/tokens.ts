import ranks from 'gpt-tokenizer/bpeRanks/o200k_base';
import { encode } from 'gpt-tokenizer/encoding/o200k_base';

// Special tokens such as <|endoftext|> are encoded as plain text.
const ordinary = { disallowedSpecial: new Set<string>() };

/**
 * The encoder's time is quadratic in the length of a run without a break: a Chinese sentence, a line of dashes, a megabyte of one letter.
 * Longer runs are split, which changes their count by at most one token. The quantifier is bounded, because an unbounded one overflows the
 * stack on the longest runs.
 */
const LONGEST_WORD = 256;
const LONG_WORDS = /[\p{L}\p{M}]{257,4096}|[^\S\n]{257,4096}|\n{257,4096}|[^\s\p{L}\p{M}\p{N}]{257,4096}/gu;
/** Characters passed to the encoder at once, which bounds its arrays. */
const SLICE = 65_536;

/** Moves an offset out of the middle of a surrogate pair. */
function whole(text: string, index: number): number {
  const unit = text.charCodeAt(index);
  return unit >= 0xdc00 && unit <= 0xdfff ? index + 1 : index;
}

function* slices(text: string, from: number, to: number): Generator<string> {
  for (let start = from; start < to; ) {
    let end = to;
    if (to - start > SLICE) {
      const space = text.slice(start + SLICE / 2, start + SLICE).lastIndexOf(' ');
      end = space < 0 ? whole(text, start + SLICE) : start + SLICE / 2 + space;
    }
    yield text.slice(start, end);
    start = end;
  }
}

/** The text in parts that the encoder processes in linear time, in order and without gaps. */
function* parts(text: string): Generator<string> {
  let position = 0;
  for (const { index, 0: word } of text.matchAll(LONG_WORDS)) {
    yield* slices(text, position, index);
    position = index;
    const end = index + word.length;
    while (position < end) {
      const next = Math.min(end, whole(text, position + LONGEST_WORD));
      yield text.slice(position, next);
      position = next;
    }
  }
  yield* slices(text, position, text.length);
}

/** The number of tokens of a text in o200k_base. */
export function countTokens(text: string): number {
  let count = 0;
  for (const part of parts(text)) count += encode(part, ordinary).length;
  return count;
}

/** The number of UTF-16 units that begin in a token. Of several tokens that form one character, one counts all of its units. */
function unitsOf(token: string | readonly number[]): number {
  if (typeof token === 'string') return token.length;
  let units = 0;
  for (const byte of token) {
    if (byte >= 0xf0) units += 2;
    else if (byte < 0x80 || byte >= 0xc0) units += 1;
  }
  return units;
}

const units = Uint8Array.from(ranks, unitsOf);

/** The end offset of each token of a text. Tokens that share a character have the same end. */
export function tokenEnds(text: string): Uint32Array {
  let ends = new Uint32Array(Math.ceil(text.length / 3) + 64);
  let count = 0;
  let position = 0;
  for (const part of parts(text)) {
    for (const token of encode(part, ordinary)) {
      if (count === ends.length) {
        const larger = new Uint32Array(Math.ceil(count * 1.5));
        larger.set(ends);
        ends = larger;
      }
      position += units[token] ?? 0;
      ends[count++] = position;
    }
  }
  return ends.subarray(0, count);
}

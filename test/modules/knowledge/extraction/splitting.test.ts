import { encode } from 'gpt-tokenizer/encoding/o200k_base';
import { describe, expect, test } from 'vitest';
import { normalizeWhitespace } from '../../../../src/modules/knowledge/extraction/formats/normalize-whitespace.ts';
import { splitBlocks } from '../../../../src/modules/knowledge/extraction/splitting/split.ts';
import { countTokens, tokenEnds } from '../../../../src/modules/knowledge/extraction/splitting/tokens.ts';
import type { TextBlock } from '../../../../src/modules/knowledge/extraction/text-blocks.ts';

/** A deterministic generator of numbers in [0, 1). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return state / 0x80000000;
  };
}

const alphabets = [
  'abcdefghijklmnop',
  'äöüßéñçø',
  '漢字仮名交じり文中国人',
  'สวัสดีชาวโลก',
  '😀👩‍👩‍👧🇩🇪𝒳',
  '0123456789',
  '-=*_<>{}',
  'ABCabc',
  ' ',
];
const gaps = [' ', ' ', ' ', ' ', ', ', '. ', '! ', '\n', '\n\n', '', '。', ' <|endoftext|> ', '\t', '        '];

function pick<T>(random: () => number, items: readonly T[]): T {
  return items[Math.floor(random() * items.length)] as T;
}

/** Random words of several scripts, some very long. */
function randomText(random: () => number, words: number): string {
  let text = '';
  for (let word = 0; word < words; word += 1) {
    const letters = [...pick(random, alphabets)];
    const length = random() < 0.02 ? 300 : 1 + Math.floor(random() * 8);
    for (let at = 0; at < length; at += 1) text += pick(random, letters);
    text += pick(random, gaps);
  }
  return normalizeWhitespace(text);
}

function randomBlocks(random: () => number): TextBlock[] {
  const paged = random() < 0.3;
  return Array.from({ length: 1 + Math.floor(random() * 12) }, (_, index) => ({
    text: randomText(random, 1 + Math.floor(random() ** 3 * 600)),
    page: paged ? 1 + Math.floor(index / 3) : null,
    section: pick(random, [null, 'A', 'A › B', 'A › B › C', 'D', 'D › E']),
  })).filter(({ text }) => text !== '');
}

function squeezed(text: string): string {
  return text.replace(/\s+/g, '');
}

/** The text of the chunks without their overlaps. */
function reassembled(contents: string[], whole: string): string {
  let covered = 0;
  for (const content of contents.map(squeezed)) {
    // A start after the end of the previous chunk means that text is missing.
    let at = whole.lastIndexOf(content, covered);
    while (at >= 0 && at + content.length <= covered) at = whole.lastIndexOf(content, at - 1);
    if (at < 0 || at > covered) return whole.slice(0, covered);
    covered = at + content.length;
  }
  return whole.slice(0, covered);
}

describe('random texts', () => {
  test.each(Array.from({ length: 60 }, (_, seed) => seed + 1))('preserve text and limits, seed %i', (seed) => {
    const random = generator(seed * 7_919);
    const blocks = randomBlocks(random);
    const chunkSize = 16 + Math.floor(random() * 300);
    const chunkOverlap = Math.floor((random() * chunkSize) / 2);
    const chunks = splitBlocks(blocks, { chunkSize, chunkOverlap }, 100_000);

    expect(splitBlocks(blocks, { chunkSize, chunkOverlap }, 100_000)).toEqual(chunks);
    expect(chunks.map(({ position }) => position)).toEqual(chunks.map((_, index) => index));
    for (const { content, tokenCount } of chunks) {
      expect(tokenCount).toBeLessThanOrEqual(chunkSize);
      // Tokens of very long words are counted in parts.
      const slack = /[^\s\p{N}]{257}/u.test(content) ? 2 : 0;
      expect(encode(content, { disallowedSpecial: new Set() }).length).toBeLessThanOrEqual(chunkSize + slack);
      expect(content).toBe(content.trim());
      expect(content.isWellFormed() && content.length > 0).toBe(true);
    }
    for (const page of new Set(blocks.map((block) => block.page))) {
      const whole = squeezed(blocks.flatMap((block) => (block.page === page ? [block.text] : [])).join(''));
      const contents = chunks.flatMap((chunk) => (chunk.page === page ? [chunk.content] : []));
      expect(reassembled(contents, whole)).toBe(whole);
      if (chunkOverlap === 0) expect(squeezed(contents.join(''))).toBe(whole);
    }
  });
});

describe('boundaries', () => {
  const block = (text: string, section: string | null = null, page: number | null = null): TextBlock => ({
    text,
    section,
    page,
  });
  const split = (blocks: TextBlock[], chunkSize: number, chunkOverlap = 0) =>
    splitBlocks(blocks, { chunkSize, chunkOverlap }, 1_000).map(({ content }) => content);
  const words = (count: number, word = 'word') => Array(count).fill(word).join(' ');

  test('prefers paragraphs to lines, lines to sentences, and sentences to words', () => {
    expect(split([block(`${words(15)}\n\n${words(14)}\n${words(20)}`)], 24)).toEqual([words(15), words(14), words(20)]);
    expect(split([block(`${words(15)}\n${words(6)}. ${words(20)}`)], 24)[0]).toBe(words(15));
    expect(split([block(`${words(15, 'One')}. ${words(20, 'Two')}`)], 24)[0]).toBe(`${words(15, 'One')}.`);
    expect(split([block(words(40))], 24)[0]).toBe(words(24));
  });

  test('begins an overlap with a sentence if there is one', () => {
    const text = Array.from({ length: 12 }, (_, index) => `Sentence ${index} tells something about the sea.`).join(' ');
    const chunks = split([block(text)], 40, 16);
    for (const [index, chunk] of chunks.entries()) {
      expect(chunk).toMatch(/^Sentence \d+ .*\.$/);
      if (index > 0) expect(chunks[index - 1]).toContain(chunk.slice(0, chunk.indexOf('.')));
    }
  });

  test('limits the length of a chunk with long tokens', () => {
    const line = '='.repeat(500_000);
    const pieces = split([block(line)], 8_192);
    expect(pieces.join('')).toBe(line);
    for (const piece of pieces) expect(Buffer.byteLength(piece)).toBeLessThanOrEqual(262_144);
  });

  test('never crosses a page', () => {
    expect(split([block('a', null, 1), block('b', null, 2), block('c', null, 2)], 100)).toEqual(['a', 'b\n\nc']);
  });

  test('combines small sections and separates large ones', () => {
    const small = (name: string) => block(`${name} small`, `Top › ${name}`);
    const large = (name: string) => block(`${name}\n\n${words(80)}`, `Top › ${name}`);
    const chunks = splitBlocks(
      [block('Top', 'Top'), small('a'), small('b'), large('c'), large('d'), small('e'), block(words(80), 'Other')],
      { chunkSize: 100, chunkOverlap: 10 },
      100,
    );
    expect(chunks.map(({ content, section }) => [content.split('\n')[0], section])).toEqual([
      ['Top', 'Top'],
      ['d', 'Top'],
      [words(80), 'Other'],
    ]);
  });

  test('combines a heading without text with the sections below it', () => {
    const chunks = split([block(words(60), 'A › B'), block('C', 'A › C'), block(`D ${words(60)}`, 'A › C › D')], 100);
    expect(chunks).toEqual([words(60), `C\n\nD ${words(60)}`]);
  });

  test('avoids a tiny last chunk', () => {
    const [first, second] = split([block(words(102))], 100);
    expect(countTokens(first ?? '')).toBeLessThan(80);
    expect(countTokens(second ?? '')).toBeGreaterThanOrEqual(25);
  });

  test.each([
    { chunkSize: 15, chunkOverlap: 0 },
    { chunkSize: 100.5, chunkOverlap: 0 },
    { chunkSize: 100, chunkOverlap: 51 },
    { chunkSize: 100, chunkOverlap: -1 },
  ])('$chunkSize tokens with $chunkOverlap repeated make no sense', (settings) => {
    expect(() => splitBlocks([], settings, 10)).toThrow(RangeError);
  });
});

describe('tokens', () => {
  test('equal those of the encoder for texts without very long words', () => {
    const text = 'The quick brown fox — 12,345 times! Jumps over 漢字 and 😀.\n\n<|endoftext|> is text. '.repeat(1_000);
    const exact = encode(text, { disallowedSpecial: new Set() }).length;
    expect(countTokens(text)).toBe(exact);
    expect(tokenEnds(text).length).toBe(exact);
    expect(tokenEnds(text).at(-1)).toBe(text.length);
  });

  test('end at character boundaries', () => {
    const text = '👩‍👩‍👧 𝒳 é 漢';
    const ends = tokenEnds(text);
    expect(ends.length).toBe(countTokens(text));
    for (const end of ends) expect(text.slice(0, end).isWellFormed()).toBe(true);
  });

  test.each(['a', '中', '-', ' a', '👩‍👩‍👧‍👦', '\n', 'Ａ'])('counts a million of %j in linear time', (unit) => {
    expect(tokenEnds(unit.repeat(1_000_000 / unit.length)).at(-1)).toBe(Math.floor(1_000_000 / unit.length) * unit.length);
  });
});

describe('normalizeWhitespace', () => {
  test.each([
    ['a\r\nb\rc', 'a\nb\nc'],
    ['a  \n\n\n\n  b', 'a\n\n  b'],
    [`a${' '.repeat(1_000_000)}b`, 'a        b'],
    [`a${'\n'.repeat(1_000_000)}b`, 'a\n\nb'],
    [`a${' \n'.repeat(500_000)}b`, 'a\n\nb'],
    ['a\0b\ud800c\u00add\ufeff', 'abcd'],
    ['page\fpage', 'page\n\npage'],
    [' \t\n ', ''],
  ])('case %#', (text, expected) => {
    expect(normalizeWhitespace(text)).toBe(expected);
  });
});

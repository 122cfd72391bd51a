import { describe, expect, test } from 'vitest';
import { readMarkdown } from '../../../../src/modules/knowledge/extraction/formats/markdown.ts';
import { defaultLimits, timeLimit } from '../../../../src/modules/knowledge/extraction/limits.ts';
import { TextBlockCollector } from '../../../../src/modules/knowledge/extraction/text-blocks.ts';

function read(markdown: string): string {
  const collector = new TextBlockCollector(50_000_000);
  readMarkdown(markdown, collector);
  return collector.blocks.map(({ text }) => text).join('\n');
}

/** CPU time, which other processes do not change. */
function cpuOf(work: () => void): number {
  const start = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(start);
  return user + system;
}

describe('the time to read marks without a partner grows with the size of the text and not with its square', () => {
  test.each([
    ['underscores', '_a'],
    ['backticks', '` '],
    ['backticks on many lines', '`` `\n'],
    ['asterisks', '*a '],
    ['brackets', '['],
  ])('%s', (_name, mark) => {
    const text = (size: number) => mark.repeat(size / mark.length);
    read(text(30_000));
    const [once, eightTimes] = [60_000, 480_000].map((size) => cpuOf(() => read(text(size)))) as [number, number];
    // 8 if linear, 64 if quadratic.
    expect(eightTimes).toBeLessThan(24 * once);
  });
});

describe('long blocks', () => {
  const words = (count: number) => Array.from({ length: count }, (_, index) => `word${index}`);

  test('of prose keep every word, on one line or many', () => {
    for (const separator of [' ', '\n']) {
      expect(read(words(20_000).join(separator)).split(/\s+/)).toEqual(words(20_000));
    }
  });

  test('of code stay as they are', () => {
    const code = words(5_000).join('\n');
    expect(read(`\`\`\`\n${code}\n\`\`\`\n`).trim()).toBe(code);
  });

  test('of a table keep their rows', () => {
    const rows = words(2_000).map((word, index) => `| ${word} | ${index} |`);
    const small = read(['| name | number |', '| --- | --- |', ...rows.slice(0, 2)].join('\n'));
    const text = read(['| name | number |', '| --- | --- |', ...rows].join('\n'));
    expect(text.startsWith(small.trimEnd())).toBe(true);
    expect(text.split('\n').filter((line) => line.includes('word')).length).toBe(
      small.split('\n').filter((line) => line.includes('word')).length * 1_000,
    );
  });
});

test('a small file has seconds, a large one as much as the limit, and a PDF more than a text', () => {
  const megabyte = 1024 * 1024;
  expect(timeLimit('text/markdown', 0, defaultLimits)).toBe(10_000);
  expect(timeLimit('text/markdown', 4.5 * megabyte, defaultLimits)).toBe(19_000);
  expect(timeLimit('application/json', megabyte, defaultLimits)).toBe(12_000);
  expect(timeLimit('application/pdf', megabyte, defaultLimits)).toBe(40_000);
  expect(timeLimit('application/pdf', 100 * megabyte, defaultLimits)).toBe(120_000);
  expect(timeLimit('text/plain', megabyte, { timeoutMs: 50 })).toBe(50);
});

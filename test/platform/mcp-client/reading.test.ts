import { describe, expect, test } from 'vitest';
import { LineSplitter } from '../../../src/platform/mcp-client/transports/line-splitter.ts';
import { SseSizeGuard } from '../../../src/platform/mcp-client/transports/sse-size-guard.ts';

/** All splits of a text into two chunks. */
const cuts = (text: string) =>
  Array.from({ length: text.length + 1 }, (_, at) => [Buffer.from(text.slice(0, at)), Buffer.from(text.slice(at))] as const);

describe('LineSplitter', () => {
  test('returns whole lines for any chunking and skips empty ones', () => {
    for (const [one, two] of cuts('{"a":1}\n\n  \r\nlast\nbegun')) {
      const lines = new LineSplitter(100);
      expect([...(lines.push(one) ?? []), ...(lines.push(two) ?? [])]).toEqual(['{"a":1}', 'last']);
    }
    const lines = new LineSplitter(100);
    const letters = [...Buffer.from('größer\n')].flatMap((byte) => lines.push(Buffer.of(byte)));
    expect(letters).toEqual(['größer']);
  });

  test('limits the length of complete and incomplete lines', () => {
    const lines = new LineSplitter(4);
    expect(lines.push(Buffer.from('1234\n123'))).toEqual(['1234']);
    expect(lines.push(Buffer.from('4'))).toEqual([]);
    expect(lines.push(Buffer.from('5'))).toBeUndefined();
    expect(new LineSplitter(4).push(Buffer.from('12345\n'))).toBeUndefined();
  });
});

describe('SseSizeGuard', () => {
  test.for(['\n', '\r\n', '\r'])('measures an event from one empty line to the next, with %j', (end) => {
    const event = [`id: ü-1`, 'data: 0123456789', '', ''].join(end);
    for (const [one, two] of cuts(event.repeat(3))) {
      const watch = new SseSizeGuard(40);
      expect([watch.read(one), watch.read(two), watch.lastEventId]).toEqual([true, true, 'ü-1']);
    }
  });

  test.for(['\n', '\r\n', '\r'])('limits the length of an event over any number of lines, with %j', (end) => {
    const line = Buffer.from(`data: x${end}`);
    const watch = new SseSizeGuard(1_000);
    let lines = 0;
    while (watch.read(line)) expect(++lines).toBeLessThan(1_000);
    expect(lines).toBeGreaterThan(100);
  });

  test('ignores an event id that is too long for a header', () => {
    const watch = new SseSizeGuard(10_000);
    watch.read(Buffer.from(`id: ${'x'.repeat(5_000)}\n\n`));
    expect(watch.lastEventId).toBeUndefined();
  });
});

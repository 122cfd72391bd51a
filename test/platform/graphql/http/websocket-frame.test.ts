import { expect, test } from 'vitest';
import { webSocketTextFrames } from '../../../../src/platform/graphql/http/websocket-frame.ts';

/** The texts of unmasked frames, read by RFC 6455. */
function textsOf(frames: Buffer): string[] {
  const texts: string[] = [];
  for (let at = 0; at < frames.length; ) {
    expect(frames[at]).toBe(0x81);
    const short = frames[at + 1] as number;
    expect(short & 0x80).toBe(0);
    const [length, start] =
      short === 127
        ? [Number(frames.readBigUInt64BE(at + 2)), at + 10]
        : short === 126
          ? [frames.readUInt16BE(at + 2), at + 4]
          : [short, at + 2];
    // The shortest form is the only one allowed.
    expect(length).toBeGreaterThan(short === 127 ? 0xffff : short === 126 ? 125 : -1);
    texts.push(frames.toString('utf8', start, start + length));
    at = start + length;
  }
  return texts;
}

const before = Buffer.from('{"a":');
const after = Buffer.from('}');

test.each([0, 119, 120, 121, 65_528, 65_529, 65_530])('a text of %d bytes in its frame', (length) => {
  const text = Buffer.alloc(length, 'x');
  expect(textsOf(webSocketTextFrames(before, [text], after))).toEqual([`{"a":${text}}`]);
});

test('many texts, each in a frame of its own', () => {
  const texts = ['1', '"ü😀"', `"${'long'.repeat(100)}"`];
  expect(
    textsOf(
      webSocketTextFrames(
        before,
        texts.map((text) => Buffer.from(text)),
        after,
      ),
    ),
  ).toEqual(texts.map((text) => `{"a":${text}}`));
});

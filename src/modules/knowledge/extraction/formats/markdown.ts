import { Marked } from 'marked';
import type { TextBlockCollector } from '../text-blocks.ts';
import { writeHtml } from './html.ts';

const marked = new Marked({ gfm: true, async: false });

/** Front matter between lines of three dashes, which Markdown would parse as a heading. */
const FRONT_MATTER = /^---[ \t]*\n([\s\S]{0,65536}?)\n---[ \t]*(?:\n|$)/;
/** Characters passed to the parser at once. Its memory is about thirty times the size of its input. */
const BATCH = 262_144;

/**
 * Longest block of lines outside code, in characters. The parser's time grows with the square of a block whose marks have no partner, such as
 * backticks or underscores. Prose has shorter paragraphs.
 */
const MAX_BLOCK = 8_192;

function fenceOf(line: string): string | undefined {
  return /^ {0,3}(`{3}|~{3})/.exec(line)?.[1];
}

/** Splits the text into large parts at unindented block starts: not within code or a list item. */
function* parts(markdown: string): Generator<string> {
  let start = 0;
  let fence: string | undefined;
  let blank = true;
  for (let at = 0; at < markdown.length; ) {
    const newline = markdown.indexOf('\n', at);
    const end = newline < 0 ? markdown.length : newline + 1;
    const line = markdown.slice(at, Math.min(end, at + 80));
    if (at - start > BATCH && blank && !fence && /^\S/.test(line)) {
      yield markdown.slice(start, at);
      start = at;
    }
    const mark = fenceOf(line);
    if (mark) fence = fence === undefined ? mark : fence === mark ? undefined : fence;
    blank = line.trim() === '';
    at = end;
  }
  yield markdown.slice(start);
}

/** Cuts a line that is longer than a block, at spaces where there are any. */
function* pieces(line: string): Generator<string> {
  let start = 0;
  while (line.length - start > MAX_BLOCK) {
    const space = line.lastIndexOf(' ', start + MAX_BLOCK);
    const end = space > start + MAX_BLOCK / 2 ? space : start + MAX_BLOCK;
    yield line.slice(start, end);
    start = end;
  }
  yield line.slice(start);
}

/** Ends blocks that are too long with a blank line. Rows of a table stay together: the parser reads each cell by itself. */
function limitBlocks(markdown: string): string {
  const lines: string[] = [];
  let fence: string | undefined;
  let size = 0;
  for (const line of markdown.split('\n')) {
    const mark = fenceOf(line);
    if (mark) fence = fence === undefined ? mark : fence === mark ? undefined : fence;
    for (const piece of fence ? [line] : pieces(line)) {
      size = piece.trim() === '' ? 0 : size + piece.length + 1;
      if (size > MAX_BLOCK && !fence && !piece.startsWith('|')) {
        lines.push('');
        size = piece.length;
      }
      lines.push(piece);
    }
  }
  return lines.join('\n');
}

export function readMarkdown(markdown: string, collector: TextBlockCollector): void {
  const source = markdown.replace(/\r\n?/g, '\n');
  const front = FRONT_MATTER.exec(source);
  if (front?.[1]) collector.add(front[1]);
  const writer = writeHtml(collector);
  for (const part of parts(limitBlocks(source.slice(front?.[0].length ?? 0)))) writer.write(marked.parse(part) as string);
  writer.end();
}

import { UnreadableDocumentError } from '../errors.ts';
import type { TextBlock } from '../text-blocks.ts';
import { groupSections, type SectionGroup, sectionOf } from './section-groups.ts';
import { firstBoundary, lastBoundary } from './split-boundaries.ts';
import { assertSplitSettings, type ExtractedChunk, type SplitSettings } from './split-settings.ts';
import { countTokens, tokenEnds } from './tokens.ts';

interface Piece {
  start: number;
  end: number;
  content: string;
  tokenCount: number;
}

/** The number of tokens that end at or before an offset. */
function tokensBefore(ends: Uint32Array, position: number): number {
  let low = 0;
  let high = ends.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ends[middle] as number) <= position) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The end of at most `count` tokens from `first`, at a character boundary. */
function endOf(ends: Uint32Array, first: number, count: number): number {
  let index = Math.min(first + count, ends.length) - 1;
  while (index > first && ends[index] === ends[index + 1]) index -= 1;
  return ends[index] as number;
}

function skipSpace(text: string, position: number): number {
  let at = position;
  while (at < text.length && /\s/.test(text[at] as string)) at += 1;
  return at;
}

/** Maximum length of a chunk in UTF-16 units. A token of dashes has up to 128 of them, and the column stores at most 256 KiB. */
const LONGEST_PIECE = 65_536;

/** The chunk from `start` to the best boundary. Its tokens are counted without its neighbours, as the embedding model counts them. */
function pieceFrom(text: string, ends: Uint32Array, start: number, { chunkSize, chunkOverlap }: SplitSettings): Piece {
  const first = tokensBefore(ends, start);
  const left = ends.length - first;
  // Avoids a tiny last chunk: leaves at least a quarter of a chunk.
  const quarter = Math.floor(chunkSize / 4);
  let most = left > chunkSize && left < chunkSize + quarter ? left - quarter : Math.min(left, chunkSize);
  most = Math.max(1, Math.min(most, tokensBefore(ends, start + LONGEST_PIECE) - first));
  for (;;) {
    const farthest = most >= left ? text.length : endOf(ends, first, most);
    // Guarantees progress: at least half of the chunk beside the overlap is new text.
    const least = endOf(ends, first, Math.ceil((most + chunkOverlap) / 2));
    const end = farthest === text.length || least >= farthest ? farthest : lastBoundary(text, least, farthest);
    const content = text.slice(start, end).trim();
    const tokenCount = countTokens(content);
    if (tokenCount <= chunkSize || most === 1) return { start, end, content, tokenCount };
    most = Math.max(1, most - (tokenCount - chunkSize));
  }
}

function* pieces(text: string, settings: SplitSettings): Generator<Piece> {
  const ends = tokenEnds(text);
  let start = skipSpace(text, 0);
  while (start < text.length) {
    const piece = pieceFrom(text, ends, start, settings);
    yield piece;
    if (skipSpace(text, piece.end) === text.length) return;
    const next = settings.chunkOverlap ? overlapStart(text, ends, piece, settings.chunkOverlap) : piece.end;
    start = skipSpace(text, next);
  }
}

function overlapStart(text: string, ends: Uint32Array, { start, end }: Piece, overlap: number): number {
  const last = tokensBefore(ends, end);
  const least = ends[Math.max(0, last - overlap - 1)] as number;
  return least > start && least < end ? firstBoundary(text, least, end) : end;
}

function* chunksOf(group: SectionGroup, settings: SplitSettings): Generator<Omit<ExtractedChunk, 'position'>> {
  for (const { start, end, content, tokenCount } of pieces(group.text, settings)) {
    yield { content, tokenCount, page: group.page, section: sectionOf(group, start, end) };
  }
}

/** Splits blocks into chunks. No chunk crosses a page. A chunk begins at a heading unless it would become tiny. */
export function splitBlocks(blocks: readonly TextBlock[], settings: SplitSettings, maxChunks: number): ExtractedChunk[] {
  assertSplitSettings(settings);
  const chunks: ExtractedChunk[] = [];
  for (const group of groupSections(blocks, settings.chunkSize)) {
    for (const chunk of chunksOf(group, settings)) {
      if (chunks.length === maxChunks) {
        const most = maxChunks.toLocaleString('en');
        throw new UnreadableDocumentError(
          'TOO_LARGE',
          `The document has more than ${most} chunks. Split it into smaller documents.`,
        );
      }
      chunks.push({ position: chunks.length, ...chunk });
    }
  }
  return chunks;
}

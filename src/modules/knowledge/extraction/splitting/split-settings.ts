/** A part of a document that is embedded and found as a unit. */
export interface ExtractedChunk {
  /** Position in the document, from 0. */
  position: number;
  content: string;
  tokenCount: number;
  page: number | null;
  section: string | null;
}

export interface SplitSettings {
  /** Maximum number of tokens of a chunk, at least 16. */
  chunkSize: number;
  /** Tokens that a chunk repeats from the previous one, at most half of the size. */
  chunkOverlap: number;
}

/** @throws RangeError */
export function assertSplitSettings({ chunkSize, chunkOverlap }: SplitSettings): void {
  if (!Number.isSafeInteger(chunkSize) || chunkSize < 16) throw new RangeError('chunkSize must be an integer of at least 16.');
  if (!Number.isSafeInteger(chunkOverlap) || chunkOverlap < 0 || chunkOverlap > chunkSize / 2) {
    throw new RangeError('chunkOverlap must be an integer between 0 and half of chunkSize.');
  }
}

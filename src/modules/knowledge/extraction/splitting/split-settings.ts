/** A part of a document that is embedded and found as one. */
export interface ExtractedChunk {
  /** 0, 1, 2 … in the document. */
  position: number;
  content: string;
  tokenCount: number;
  page: number | null;
  section: string | null;
}

export interface SplitSettings {
  /** Most tokens of a chunk, 16 at least. */
  chunkSize: number;
  /** Tokens that a chunk repeats of the one before it, half of the size at most. */
  chunkOverlap: number;
}

/** @throws RangeError */
export function assertSplitSettings({ chunkSize, chunkOverlap }: SplitSettings): void {
  if (!Number.isSafeInteger(chunkSize) || chunkSize < 16) throw new RangeError('chunkSize must be an integer of at least 16.');
  if (!Number.isSafeInteger(chunkOverlap) || chunkOverlap < 0 || chunkOverlap > chunkSize / 2) {
    throw new RangeError('chunkOverlap must be an integer between 0 and half of chunkSize.');
  }
}

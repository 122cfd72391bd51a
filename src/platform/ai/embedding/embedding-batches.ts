export interface EmbeddingBatch {
  texts: string[];
  /** Estimated. */
  tokens: number;
}

/** An estimate that is rather too high: about four bytes of English are a token, and less of most else. */
export function estimateTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / 3);
}

/** Splits texts, in their order, into requests of at most so many texts and tokens. A text that is too long by itself goes alone. */
export function embeddingBatches(texts: readonly string[], maxTexts: number, maxTokens: number): EmbeddingBatch[] {
  const result: EmbeddingBatch[] = [];
  let current: EmbeddingBatch | undefined;
  for (const text of texts) {
    const tokens = estimateTokens(text);
    if (!current || current.texts.length >= maxTexts || current.tokens + tokens > maxTokens) {
      current = { texts: [], tokens: 0 };
      result.push(current);
    }
    current.texts.push(text);
    current.tokens += tokens;
  }
  return result;
}

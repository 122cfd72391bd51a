export interface EmbeddingBatch {
  texts: string[];
  /** The estimated token count. */
  tokens: number;
}

/** Overestimates the tokens of a text: a token has about four bytes in English and fewer in most other languages. */
export function estimateTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / 3);
}

/** Splits texts, in order, into batches within both limits. A text that exceeds `maxTokens` gets its own batch. */
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

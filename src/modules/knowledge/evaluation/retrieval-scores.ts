/** Quality of a search relative to the expected documents, each 0 to 1. */
export interface RetrievalScores {
  /** Share of the expected documents that the search found. */
  recall: number;
  /** 1 divided by the rank of the first expected document, 0 if none was found. */
  reciprocalRank: number;
  /** Discounted cumulative gain of the first ten documents divided by its maximum (Järvelin and Kekäläinen, TOIS 2002). */
  ndcg: number;
}

const NDCG_DEPTH = 10;

function gainAt(rank: number): number {
  return 1 / Math.log2(rank + 1);
}

/**
 * Scores the documents of a search's chunks, best first. The rank of a document is that of its best chunk; the relevance of an expected
 * document is 1, of any other 0. If no document is expected, an empty result scores 1.
 */
export function scoreRetrieval(foundDocumentIds: readonly string[], expectedDocumentIds: readonly string[]): RetrievalScores {
  const found = [...new Set(foundDocumentIds)];
  const expected = new Set(expectedDocumentIds);
  if (expected.size === 0) {
    const score = found.length === 0 ? 1 : 0;
    return { recall: score, reciprocalRank: score, ndcg: score };
  }
  const ranks = found.flatMap((id, index) => (expected.has(id) ? [index + 1] : []));
  const gained = ranks.filter((rank) => rank <= NDCG_DEPTH).reduce((sum, rank) => sum + gainAt(rank), 0);
  const best = Array.from({ length: Math.min(expected.size, NDCG_DEPTH) }, (_, index) => gainAt(index + 1)).reduce(
    (sum, gain) => sum + gain,
    0,
  );
  return {
    recall: ranks.length / expected.size,
    reciprocalRank: ranks[0] === undefined ? 0 : 1 / ranks[0],
    ndcg: Math.min(1, gained / best),
  };
}

/** The arithmetic mean, or null for an empty list. */
export function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** How well a search found what it should have, each 0 to 1. */
export interface RetrievalScores {
  /** Share of the expected documents that were found. */
  recall: number;
  /** One through the rank of the first expected document, 0 where none was found. */
  reciprocalRank: number;
  /** Discounted cumulative gain of the first ten documents over the most it could be (Järvelin and Kekäläinen, TOIS 2002). */
  ndcg: number;
}

const NDCG_DEPTH = 10;

function gainAt(rank: number): number {
  return 1 / Math.log2(rank + 1);
}

/**
 * Scores the documents of a search's passages, best first. A document stands where its best passage does; an expected one counts 1, any
 * other 0. Nothing expected and nothing found is right.
 */
export function scoreRetrieval(foundDocumentIds: readonly string[], expectedDocumentIds: readonly string[]): RetrievalScores {
  const found = [...new Set(foundDocumentIds)];
  const expected = new Set(expectedDocumentIds);
  if (expected.size === 0) {
    const right = found.length === 0 ? 1 : 0;
    return { recall: right, reciprocalRank: right, ndcg: right };
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

/** Null of nothing. */
export function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}

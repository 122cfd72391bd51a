export interface SearchHit {
  chunkId: string;
  /** 0 to 1; comparable within one search. */
  score: number;
  /** From 1; null if the vector search did not find the chunk. */
  vectorRank: number | null;
  keywordRank: number | null;
  /** Cosine similarity, 0 to 1. */
  similarity: number | null;
}

/** An element of a ranked list, best first. */
export interface Ranked {
  chunkId: string;
  /** 0 to 1. */
  score: number;
}

export interface Fusion {
  /** One list for each embedding model. */
  vector: Ranked[][];
  /** One list for each language. */
  keyword: Ranked[][];
  vectorWeight: number;
  keywordWeight: number;
}

/** Reduces the advantage of the first ranks. The value of Cormack, Clarke and Büttcher (SIGIR 2009), who found results insensitive to it. */
const RRF_K = 60;

/**
 * Merges ranked lists. The scores of a single list stay unchanged. With several lists, a chunk scores the sum of weight / (k + rank) over the
 * lists that contain it (reciprocal rank fusion), divided by the sum for first rank in all lists, so that the maximum is 1.
 */
export function reciprocalRankFusion({ vector, keyword, vectorWeight, keywordWeight }: Fusion): SearchHit[] {
  const hits = new Map<string, SearchHit & { points: number }>();
  const add = (kind: 'vectorRank' | 'keywordRank', lists: Ranked[][], weight: number) => {
    for (const list of lists) {
      list.forEach(({ chunkId, score }, index) => {
        const hit = hits.get(chunkId) ?? { chunkId, score: 0, points: 0, vectorRank: null, keywordRank: null, similarity: null };
        hit[kind] = index + 1;
        hit.points += weight / (RRF_K + index + 1);
        hit.score = score;
        if (kind === 'vectorRank') hit.similarity = score;
        hits.set(chunkId, hit);
      });
    }
  };
  add('vectorRank', vector, vectorWeight);
  add('keywordRank', keyword, keywordWeight);
  const single = vector.length + keyword.length === 1;
  // A chunk has one model and one language, and is therefore in at most one list of each kind.
  const maximum = ((vector.length > 0 ? vectorWeight : 0) + (keyword.length > 0 ? keywordWeight : 0)) / (RRF_K + 1);
  return [...hits.values()]
    .map(({ points, ...hit }) => ({ ...hit, score: Math.min(1, single ? hit.score : maximum > 0 ? points / maximum : 0) }))
    .sort(
      (one, other) =>
        other.score - one.score || (other.similarity ?? 0) - (one.similarity ?? 0) || (one.chunkId < other.chunkId ? -1 : 1),
    );
}

export interface SearchHit {
  chunkId: string;
  /** 0 to 1; comparable within one search. */
  score: number;
  /** From 1; null where this way did not find it. */
  vectorRank: number | null;
  keywordRank: number | null;
  /** Cosine similarity, 0 to 1. */
  similarity: number | null;
}

/** A passage in a list of one way of searching, best first. */
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

/** Damps the lead of the first ranks. The value of Cormack, Clarke and Büttcher (SIGIR 2009), who found it hardly matters. */
const RRF_K = 60;

/**
 * Makes one list of several. A single list keeps its own scores. Of several, each passage gets weight / (k + rank) from every list
 * that has it (reciprocal rank fusion), divided by what the first place in all lists would get, so that 1 is the most.
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
  const alone = vector.length + keyword.length === 1;
  // A passage is in one list of each kind at most: it has one model and one language.
  const most = ((vector.length > 0 ? vectorWeight : 0) + (keyword.length > 0 ? keywordWeight : 0)) / (RRF_K + 1);
  return [...hits.values()]
    .map(({ points, ...hit }) => ({ ...hit, score: Math.min(1, alone ? hit.score : most > 0 ? points / most : 0) }))
    .sort(
      (one, other) =>
        other.score - one.score || (other.similarity ?? 0) - (one.similarity ?? 0) || (one.chunkId < other.chunkId ? -1 : 1),
    );
}

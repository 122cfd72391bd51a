import { hashingEmbedder } from '../../src/platform/ai/embedding/hashing-embedder.ts';
import type { Vectors } from './load.ts';

/** Tolerance of similarities. A passage within it of the last of the best counts as a tie. */
const ROUNDING = 1e-5;

/** The best passages of a set, computed without the database. */
export interface Best {
  /** Number of best passages: `max`, or the size of a smaller set. */
  count: number;
  /** Whether a passage is one of the best or ties with the last of them. */
  has(passageId: string): boolean;
}

/** Compares the query with every passage. @param passages index of the text by passage id */
export function nearestOf(passages: ReadonlyMap<string, number>, vectors: Vectors, query: Float32Array, max: number): Best {
  // A query has few words, so most of its components are 0.
  const nonZero = [...query.keys()].filter((i) => query[i] !== 0);
  const similarity = (text: number) => {
    const vector = vectors[text] as Float32Array;
    let sum = 0;
    for (const i of nonZero) sum += (vector[i] as number) * (query[i] as number);
    // Scores of search have the same lower bound of 0.
    return Math.max(0, sum);
  };
  const all = new Map<string, number>();
  for (const [id, text] of passages) all.set(id, similarity(text));
  const last = Float64Array.from(all.values()).sort().at(-Math.min(max, all.size)) ?? 0;
  return { count: Math.min(max, all.size), has: (id) => (all.get(id) ?? -1) >= last - ROUNDING };
}

export async function embedQuery(text: string): Promise<Float32Array> {
  const { vectors } = await hashingEmbedder.embed([text]);
  return vectors[0] as Float32Array;
}

/** Share of the best passages among the results. */
export function recallOf(best: Best, found: readonly string[]): number {
  return best.count === 0 ? 1 : Math.min(1, found.filter(best.has).length / best.count);
}

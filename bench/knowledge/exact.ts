import { hashingEmbedder } from '../../src/platform/ai/embedding/hashing-embedder.ts';
import type { Vectors } from './load.ts';

/** Beyond it two similarities differ by more than their rounding: what ties with the last of the best is as good as it. */
const ROUNDING = 1e-5;

/** The best of a set of passages, found without a database. */
export interface Best {
  /** How many there are: `most`, or all that the set has. */
  count: number;
  /** Whether a passage is one of them, or as near as the last of them. */
  has(passageId: string): boolean;
}

/** Compares every passage. @param passages their texts, by their ids */
export function nearestOf(passages: ReadonlyMap<string, number>, vectors: Vectors, query: Float32Array, most: number): Best {
  // A query has few words, so most of its numbers are 0.
  const places = [...query.keys()].filter((i) => query[i] !== 0);
  const similarity = (text: number) => {
    const vector = vectors[text] as Float32Array;
    let sum = 0;
    for (const i of places) sum += (vector[i] as number) * (query[i] as number);
    // As scores are: what shares nothing with the query is no nearer than what is opposed to it.
    return Math.max(0, sum);
  };
  const all = new Map<string, number>();
  for (const [id, text] of passages) all.set(id, similarity(text));
  const last = Float64Array.from(all.values()).sort().at(-Math.min(most, all.size)) ?? 0;
  return { count: Math.min(most, all.size), has: (id) => (all.get(id) ?? -1) >= last - ROUNDING };
}

export async function embedQuery(text: string): Promise<Float32Array> {
  const { vectors } = await hashingEmbedder.embed([text]);
  return vectors[0] as Float32Array;
}

/** The share of the best that were found. */
export function recallOf(best: Best, found: readonly string[]): number {
  return best.count === 0 ? 1 : Math.min(1, found.filter(best.has).length / best.count);
}

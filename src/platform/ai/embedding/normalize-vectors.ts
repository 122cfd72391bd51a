import { EMBEDDING_WIDTH, EmbeddingError } from './embedder.ts';

type Rows = readonly (readonly number[])[];

/** Sorts vectors by the `index` of the response, which the SDK ignores. Returns them unchanged if the indexes are not a permutation. */
export function inOrder(rows: Rows, answer: unknown): Rows {
  const { data } = (answer ?? {}) as { data?: { index?: unknown }[] };
  const sorted = new Array<readonly number[] | undefined>(rows.length).fill(undefined);
  for (const [position, row] of rows.entries()) {
    const index = data?.[position]?.index;
    if (typeof index === 'number') sorted[index] = row;
  }
  return sorted.length === rows.length && sorted.every((row) => row !== undefined) ? sorted : rows;
}

/**
 * Validates the vectors of a provider, pads them with zeros to EMBEDDING_WIDTH and scales them to length 1. Neither changes a cosine. At
 * length 1 all distance measures rank alike. Throws EmbeddingError.
 * @param width the expected dimensions, if known
 */
export function normalizeVectors(model: string, rows: Rows, width: number | undefined): Float32Array[] {
  const invalid = (what: string) => new EmbeddingError(`${model} ${what}`, { code: 'MODEL_NONSENSE', retryable: false });
  const expected = width ?? rows[0]?.length ?? 0;
  return rows.map((row) => {
    if (row.length > EMBEDDING_WIDTH) {
      throw invalid(
        `makes vectors of ${row.length} numbers; at most ${EMBEDDING_WIDTH} can be stored. Choose a model with fewer dimensions.`,
      );
    }
    if (row.length !== expected) throw invalid(`sent a vector of ${row.length} numbers instead of ${expected}.`);
    let squares = 0;
    for (const number of row) squares += number * number;
    if (!Number.isFinite(squares)) throw invalid('sent a vector that contains a value other than a finite number.');
    if (squares === 0) throw invalid('sent a vector of zeros.');
    const vector = new Float32Array(EMBEDDING_WIDTH);
    const scale = 1 / Math.sqrt(squares);
    for (const [index, number] of row.entries()) vector[index] = number * scale;
    return vector;
  });
}

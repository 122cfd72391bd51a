import { EMBEDDING_WIDTH, EmbeddingError } from './embedder.ts';

type Rows = readonly (readonly number[])[];

/** The protocol numbers the vectors of an answer, and the SDK takes them as they come. Without sound numbers so do we. */
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
 * Checks what a provider answered and brings it to the one width, each vector to length 1. Neither changes a cosine: zeros add
 * nothing to a product or a length, and a cosine does not know lengths. At length 1 all the ways to compare vectors agree, and
 * vectors of different sizes cannot crowd a search.
 * @param width what the vectors must have, where it is known
 */
export function normalizeVectors(model: string, rows: Rows, width: number | undefined): Float32Array[] {
  const refuse = (what: string) => new EmbeddingError(`${model} ${what}`, { code: 'MODEL_NONSENSE', retryable: false });
  const expected = width ?? rows[0]?.length ?? 0;
  return rows.map((row) => {
    if (row.length > EMBEDDING_WIDTH) {
      throw refuse(`makes vectors of ${row.length} numbers; at most ${EMBEDDING_WIDTH} can be stored. Choose a narrower one.`);
    }
    if (row.length !== expected) throw refuse(`sent a vector of ${row.length} numbers instead of ${expected}.`);
    let squares = 0;
    for (const number of row) squares += number * number;
    if (!Number.isFinite(squares)) throw refuse('sent a vector with something in it that is not a number.');
    if (squares === 0) throw refuse('sent a vector of zeros, which is near nothing.');
    const vector = new Float32Array(EMBEDDING_WIDTH);
    const scale = 1 / Math.sqrt(squares);
    for (const [index, number] of row.entries()) vector[index] = number * scale;
    return vector;
  });
}

/** The text representation that pgvector parses. */
export function vectorText(vector: Float32Array): string {
  return `[${vector.join(',')}]`;
}

/** JSON text in its order. Nested arrays hold the text of values that were pending when the text around them was written. */
export type JsonChunk = string | readonly JsonChunk[];

function isWhole(written: readonly JsonChunk[]): written is readonly string[] {
  return written.every((part) => typeof part === 'string');
}

/** Joins chunks that are complete, so that their parts are released early. */
export function mergeChunks(written: JsonChunk[]): void {
  if (!isWhole(written)) return;
  const text = written.join('');
  written.length = 0;
  written.push(text);
}

function collectChunks(written: readonly JsonChunk[], text: string[]): void {
  for (const part of written) {
    if (typeof part === 'string') text.push(part);
    else collectChunks(part, text);
  }
}

/** The whole text. */
export function joinChunks(written: readonly JsonChunk[]): string {
  const text: string[] = [];
  collectChunks(written, text);
  return text.join('');
}

/** Text in its order, with places for what was still on its way when it was written. */
export type JsonChunk = string | readonly JsonChunk[];

function isWhole(written: readonly JsonChunk[]): written is readonly string[] {
  return written.every((part) => typeof part === 'string');
}

/** Puts together what is whole, so that its pieces need not be kept until all else is there. */
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

/** All of it as one text. */
export function joinChunks(written: readonly JsonChunk[]): string {
  const text: string[] = [];
  collectChunks(written, text);
  return text.join('');
}

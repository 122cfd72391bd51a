/** Text in its order, with places for what was still on its way when it was written. */
export type Written = string | readonly Written[];

function collect(written: readonly Written[], text: string[]): void {
  for (const part of written) {
    if (typeof part === 'string') text.push(part);
    else collect(part, text);
  }
}

/** All of it as one text, which is put together once. */
export function wholeText(written: readonly Written[]): string {
  const text: string[] = [];
  collect(written, text);
  return text.join('');
}

/** Text in its order, with places for what was still on its way when it was written. */
export type Written = string | readonly Written[];

function isWhole(written: readonly Written[]): written is readonly string[] {
  return written.every((part) => typeof part === 'string');
}

/** Puts together what is whole, so that its pieces need not be kept until all else is there. */
export function condense(written: Written[]): void {
  if (!isWhole(written)) return;
  const text = written.join('');
  written.length = 0;
  written.push(text);
}

function collect(written: readonly Written[], text: string[]): void {
  for (const part of written) {
    if (typeof part === 'string') text.push(part);
    else collect(part, text);
  }
}

/** All of it as one text. */
export function wholeText(written: readonly Written[]): string {
  const text: string[] = [];
  collect(written, text);
  return text.join('');
}

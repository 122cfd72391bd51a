// Control characters, the byte order mark and the soft hyphen. PostgreSQL rejects lone surrogates.
// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern matches control characters
const NOISE = /[\u0000-\u0008\u000e-\u001f\u007f\u00ad\ufeff]|\p{Surrogate}/gu;

/** Applied until no run is long enough: an unbounded quantifier overflows the stack on millions of spaces. */
function collapse(text: string, runs: RegExp, replacement: string): string {
  let result = text;
  for (let before = Infinity; result.length < before; ) {
    before = result.length;
    result = result.replace(runs, replacement);
  }
  return result;
}

/**
 * Normalizes text for storage: no control characters, LF line ends, no trailing whitespace, at most one empty line and eight spaces in a row.
 * Each expression visits a character a bounded number of times for any input.
 */
export function normalizeWhitespace(text: string): string {
  const lines = text
    .replace(NOISE, '')
    .replace(/\r\n?|[\u0085\u2028]/g, '\n')
    .replace(/[\f\v\u2029]/g, '\n\n');
  const narrow = collapse(lines, /[^\S\n]{9,1000}/g, '        ').replace(/[^\S\n]{1,8}(?=\n)/g, '');
  return collapse(narrow, /\n{3,1000}/g, '\n\n').trim();
}

// Control characters that mean nothing in a text, the byte order mark and the soft hyphen. Lone surrogates cannot be stored.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const NOISE = /[\u0000-\u0008\u000e-\u001f\u007f\u00ad\ufeff]|\p{Surrogate}/gu;

/** Replaced until no run is long enough: an expression that repeats without end runs out of stack on millions of spaces. */
function collapse(text: string, runs: RegExp, replacement: string): string {
  let result = text;
  for (let before = Infinity; result.length < before; ) {
    before = result.length;
    result = result.replace(runs, replacement);
  }
  return result;
}

/**
 * Text as it is kept: no noise, LF line ends, no blank space at line ends, at most one empty line and eight spaces in a row.
 * Each expression looks at a character a bounded number of times, however the text is made.
 */
export function normalizeWhitespace(text: string): string {
  const lines = text
    .replace(NOISE, '')
    .replace(/\r\n?|[\u0085\u2028]/g, '\n')
    .replace(/[\f\v\u2029]/g, '\n\n');
  const narrow = collapse(lines, /[^\S\n]{9,1000}/g, '        ').replace(/[^\S\n]{1,8}(?=\n)/g, '');
  return collapse(narrow, /\n{3,1000}/g, '\n\n').trim();
}

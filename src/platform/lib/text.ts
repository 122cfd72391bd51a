/** Text that PostgreSQL accepts: well-formed, and without NUL. */
export function cleanText(text: string): string {
  return text.replaceAll('\0', '').toWellFormed();
}

/** At most `max` characters, followed by the number of those that are missing. */
export function shorten(text: string, max: number): string {
  if (text.length <= max) return text;
  return `${text.slice(0, max).toWellFormed()}… [${text.length - max} more characters]`;
}

/** The longest beginning of a text that fits into so many bytes of UTF-8, without half a character at its end. */
export function truncateBytes(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, maxBytes), { stream: true });
}

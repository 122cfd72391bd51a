/** The largest content of a message, in bytes of UTF-8. A check constraint of the database has the same bound. */
export const MAX_CONTENT_BYTES = 1_048_576;

export const CONTENT_TOO_LARGE = 'Must have at most 1 MiB.';

export function fitsContent(text: string): boolean {
  return Buffer.byteLength(text) <= MAX_CONTENT_BYTES;
}

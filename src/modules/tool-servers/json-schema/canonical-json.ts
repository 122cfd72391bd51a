import { createHash } from 'node:crypto';

const MAX_DEPTH = 64;

/** Whether a JSON value is within the limits of size and nesting. Iterative, since a recursion could overflow the stack. */
export function fitsJson(value: unknown, maxBytes: number): boolean {
  let level = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) return false;
    level = level.flatMap((item) => (typeof item === 'object' && item !== null ? Object.values(item) : []));
  }
  return Buffer.byteLength(JSON.stringify(value) ?? '') <= maxBytes;
}

/** Serializes a value with sorted keys, so that equal values have equal texts. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    typeof item === 'object' && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
}

/** SHA-256 of the canonical JSON, in hexadecimal. */
export function hashOfJson(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex');
}

import { isDeepStrictEqual } from 'node:util';

/**
 * A value without what servers write differently and mean alike: moments as milliseconds, numbers as their shortest text, keys in order.
 */
export function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (value instanceof Date) return `at ${value.getTime()}`;
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  if (typeof value === 'string') {
    if (/^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/.test(value)) return `at ${Date.parse(value)}`;
    return /^-?\d+(\.\d+)?$/.test(value) ? String(Number(value)) : value;
  }
  if (typeof value !== 'object' || value === null) return value;
  const sorted = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(sorted.map(([key, member]) => [key, canonical(member)]));
}

/** Where two values differ first, or undefined. Both are made canonical before. */
export function difference(got: unknown, wanted: unknown): string | undefined {
  return firstDifference(canonical(got), canonical(wanted), '');
}

function firstDifference(got: unknown, wanted: unknown, path: string): string | undefined {
  if (isDeepStrictEqual(got, wanted)) return undefined;
  if (isObject(got) && isObject(wanted)) {
    for (const key of new Set([...Object.keys(got), ...Object.keys(wanted)])) {
      const found = firstDifference(got[key], wanted[key], `${path}.${key}`);
      if (found) return found;
    }
  }
  return `${path || '.'} is ${short(got)} instead of ${short(wanted)}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function short(value: unknown): string {
  const text = JSON.stringify(value) ?? 'missing';
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

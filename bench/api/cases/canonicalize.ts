import { isDeepStrictEqual } from 'node:util';

/** Removes differences of notation between servers: times become milliseconds, numbers their shortest text, keys are sorted. */
export function canonicalize(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonicalize);
  if (value instanceof Date) return `at ${value.getTime()}`;
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  if (typeof value === 'string') {
    if (/^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/.test(value)) return `at ${Date.parse(value)}`;
    return /^-?\d+(\.\d+)?$/.test(value) ? String(Number(value)) : value;
  }
  if (typeof value !== 'object' || value === null) return value;
  const sorted = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(sorted.map(([key, member]) => [key, canonicalize(member)]));
}

/** @returns the first difference of the canonicalized values, or undefined */
export function difference(actual: unknown, expected: unknown): string | undefined {
  return firstDifference(canonicalize(actual), canonicalize(expected), '');
}

function firstDifference(actual: unknown, expected: unknown, path: string): string | undefined {
  if (isDeepStrictEqual(actual, expected)) return undefined;
  if (isObject(actual) && isObject(expected)) {
    for (const key of new Set([...Object.keys(actual), ...Object.keys(expected)])) {
      const found = firstDifference(actual[key], expected[key], `${path}.${key}`);
      if (found) return found;
    }
  }
  return `${path || '.'} is ${short(actual)}, expected ${short(expected)}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function short(value: unknown): string {
  const text = JSON.stringify(value) ?? 'missing';
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

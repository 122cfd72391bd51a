import { cleanText } from '../../../platform/lib/text.ts';

const MAX_DEPTH = 60;

/** Converts output of models and tools to JSON that PostgreSQL accepts. Values below the maximum depth become `…`. */
export function cleanJson(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return cleanText(value);
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return typeof value === 'function' || value === undefined ? null : value;
  if (depth >= MAX_DEPTH) return '…';
  if (Array.isArray(value)) return value.map((item) => cleanJson(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .map(([key, item]) => [cleanText(key), cleanJson(item, depth + 1)]),
  );
}

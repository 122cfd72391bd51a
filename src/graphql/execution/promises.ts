export type Value<T> = T | Promise<T>;

export function isPromise(value: unknown): value is Promise<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}

/** Throws `error` once nothing is under way any more: what goes on alone would fail alone. */
export async function settleAll(pending: readonly Promise<unknown>[], error: unknown): Promise<never> {
  await Promise.allSettled(pending);
  throw error;
}

export function toArray(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value as readonly unknown[];
  if (typeof value === 'object' && value !== null && Symbol.iterator in value) return [...(value as Iterable<unknown>)];
  throw new TypeError('a list was expected');
}

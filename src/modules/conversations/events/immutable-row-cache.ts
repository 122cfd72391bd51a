import type { LRUCache } from 'lru-cache';
import { namedCache } from '../../../platform/lib/cache-stats.ts';
import { runWithContext } from '../../../platform/postgres/request-scope.ts';

interface Owned {
  tenantId: string;
  id: string;
}

export interface ImmutableRowCacheOptions<Row extends Owned> {
  find: (ids: string[]) => Promise<Row[]>;
  /** Approximate size of a row in bytes. */
  sizeOf: (row: Row) => number;
  /** Capacity in bytes. */
  maxSize: number;
}

/**
 * Caches immutable rows, which all subscriptions of this process share. The caller checks the viewer's permission; the cache reads rows in
 * the context of their tenant, and its keys contain the tenant.
 */
export class ImmutableRowCache<Row extends Owned> {
  readonly #find: (ids: string[]) => Promise<Row[]>;
  readonly #rows: LRUCache<string, Row>;
  readonly #loading = new Map<string, Promise<Map<string, Row>>>();

  constructor({ find, sizeOf, maxSize }: ImmutableRowCacheOptions<Row>) {
    this.#find = find;
    this.#rows = namedCache('event_rows', { maxSize, sizeCalculation: (row) => Math.max(1, sizeOf(row)) });
  }

  /**
   * The row of an id, or null.
   * @param ahead ids that are likely to follow: the same statement reads them
   */
  async get(tenantId: string, id: string, ahead: readonly string[]): Promise<Row | null> {
    const key = keyOf(tenantId, id);
    const cached = this.#rows.get(key);
    if (cached) return cached;
    const loading = this.#loading.get(key) ?? this.#load(tenantId, [id, ...ahead.filter((other) => other !== id)]);
    return (await loading).get(id) ?? null;
  }

  /** Stores a row that another statement has read. */
  prime(row: Row): void {
    this.#rows.set(keyOf(row.tenantId, row.id), row);
  }

  #load(tenantId: string, ids: string[]): Promise<Map<string, Row>> {
    const missing = ids.filter((id) => !this.#rows.has(keyOf(tenantId, id)) && !this.#loading.has(keyOf(tenantId, id)));
    const loading = runWithContext({ tenantId }, async () => {
      try {
        const rows = await this.#find(missing);
        for (const row of rows) this.prime(row);
        return new Map(rows.map((row) => [row.id, row]));
      } finally {
        for (const id of missing) this.#loading.delete(keyOf(tenantId, id));
      }
    });
    for (const id of missing) this.#loading.set(keyOf(tenantId, id), loading);
    return loading;
  }
}

function keyOf(tenantId: string, id: string): string {
  return `${tenantId} ${id}`;
}

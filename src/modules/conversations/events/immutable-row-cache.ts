import { LRUCache } from 'lru-cache';
import { runWithContext } from '../../../platform/postgres/request-scope.ts';

interface Owned {
  tenantId: string;
  id: string;
}

export interface ImmutableRowCacheOptions<Row extends Owned> {
  find: (ids: string[]) => Promise<Row[]>;
  /** Roughly how many bytes a row takes. */
  sizeOf: (row: Row) => number;
  /** Bytes kept in memory. */
  maxSize: number;
}

/**
 * Rows that never change, read once for all live views of this process that show them. Whoever asks must have been allowed
 * to see them; they are read as their tenant and kept by tenant.
 */
export class ImmutableRowCache<Row extends Owned> {
  readonly #find: (ids: string[]) => Promise<Row[]>;
  readonly #rows: LRUCache<string, Row>;
  readonly #loading = new Map<string, Promise<Map<string, Row>>>();

  constructor({ find, sizeOf, maxSize }: ImmutableRowCacheOptions<Row>) {
    this.#find = find;
    this.#rows = new LRUCache({ maxSize, sizeCalculation: (row) => Math.max(1, sizeOf(row)) });
  }

  /**
   * The row of an id, or null.
   * @param ahead ids that will be asked for soon: they are read in the same statement
   */
  async get(tenantId: string, id: string, ahead: readonly string[]): Promise<Row | null> {
    const key = keyOf(tenantId, id);
    const known = this.#rows.get(key);
    if (known) return known;
    const loading = this.#loading.get(key) ?? this.#load(tenantId, [id, ...ahead.filter((other) => other !== id)]);
    return (await loading).get(id) ?? null;
  }

  /** Keeps a row that was read with something else. */
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

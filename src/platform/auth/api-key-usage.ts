import type { Logger } from '../lib/logger.ts';
import type { Database } from '../postgres/database.ts';

const FLUSH_EVERY_MS = 10_000;

interface Uses {
  tenantId: string;
  count: number;
  lastUsedAt: number;
}

const FLUSH_SQL = `
  UPDATE api_keys k
  SET usage_count = k.usage_count + u.uses, last_used_at = greatest(k.last_used_at, date_trunc('minute', u.last_used_at))
  FROM unnest($2::uuid[], $3::bigint[], $4::timestamptz[]) AS u (id, uses, last_used_at)
  WHERE k.tenant_id = $1 AND k.id = u.id`;

/** Counts the requests of API keys in memory and writes the sums now and then, one statement a tenant. */
export class ApiKeyUsage {
  readonly #database: Database;
  readonly #log: Logger;
  readonly #timer: NodeJS.Timeout;
  #uses = new Map<string, Uses>();
  #flushing: Promise<void> = Promise.resolve();

  constructor(database: Database, log: Logger) {
    this.#database = database;
    this.#log = log;
    this.#timer = setInterval(() => void this.flush(), FLUSH_EVERY_MS);
    this.#timer.unref();
  }

  count(tenantId: string, apiKeyId: string): void {
    this.#add(apiKeyId, { tenantId, count: 1, lastUsedAt: Date.now() });
  }

  /** Writes what was counted. What cannot be written is kept for the next time. */
  flush(): Promise<void> {
    this.#flushing = this.#flushing.then(async () => {
      const uses = this.#uses;
      this.#uses = new Map();
      const tenants = Map.groupBy(uses, ([, { tenantId }]) => tenantId);
      for (const [tenantId, keys] of tenants) {
        try {
          await this.#write(tenantId, keys);
        } catch (error) {
          this.#log.warn({ err: error, tenantId }, 'the use of API keys could not be counted; trying again later');
          for (const [id, counted] of keys) this.#add(id, counted);
        }
      }
    });
    return this.#flushing;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
  }

  #add(apiKeyId: string, { tenantId, count, lastUsedAt }: Uses): void {
    const known = this.#uses.get(apiKeyId);
    this.#uses.set(apiKeyId, {
      tenantId,
      count: count + (known?.count ?? 0),
      lastUsedAt: Math.max(lastUsedAt, known?.lastUsedAt ?? 0),
    });
  }

  async #write(tenantId: string, keys: [string, Uses][]): Promise<void> {
    // One order for all processes, so that two of them cannot wait for each other.
    const sorted = keys.toSorted(([a], [b]) => (a < b ? -1 : 1));
    const values = [
      tenantId,
      sorted.map(([id]) => id),
      sorted.map(([, { count }]) => count),
      sorted.map(([, { lastUsedAt }]) => new Date(lastUsedAt).toISOString()),
    ];
    await this.#database.transactionAs({ tenantId }, () => this.#database.query({ text: FLUSH_SQL, values }));
  }
}

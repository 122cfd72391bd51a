import type { Logger } from '../lib/logger.ts';
import type { Database } from '../postgres/database.ts';

const FLUSH_INTERVAL_MS = 10_000;

interface Usage {
  tenantId: string;
  count: number;
  lastUsedAt: number;
}

const FLUSH_SQL = `
  UPDATE api_keys k
  SET usage_count = k.usage_count + u.uses, last_used_at = greatest(k.last_used_at, date_trunc('minute', u.last_used_at))
  FROM unnest($2::uuid[], $3::bigint[], $4::timestamptz[]) AS u (id, uses, last_used_at)
  WHERE k.tenant_id = $1 AND k.id = u.id`;

/** Counts the requests of API keys in memory and writes the sums every 10 seconds, one statement per tenant. */
export class ApiKeyUsage {
  readonly #database: Database;
  readonly #log: Logger;
  readonly #timer: NodeJS.Timeout;
  #pending = new Map<string, Usage>();
  #flushing: Promise<void> = Promise.resolve();

  constructor(database: Database, log: Logger) {
    this.#database = database;
    this.#log = log;
    this.#timer = setInterval(() => void this.flush(), FLUSH_INTERVAL_MS);
    this.#timer.unref();
  }

  count(tenantId: string, apiKeyId: string): void {
    this.#add(apiKeyId, { tenantId, count: 1, lastUsedAt: Date.now() });
  }

  /** Writes the counts. Counts that cannot be written are retried by the next flush. */
  flush(): Promise<void> {
    this.#flushing = this.#flushing.then(async () => {
      const pending = this.#pending;
      this.#pending = new Map();
      const tenants = Map.groupBy(pending, ([, { tenantId }]) => tenantId);
      for (const [tenantId, keys] of tenants) {
        try {
          await this.#write(tenantId, keys);
        } catch (error) {
          this.#log.warn({ err: error, tenantId }, 'API key usage flush failed; retrying later');
          for (const [id, usage] of keys) this.#add(id, usage);
        }
      }
    });
    return this.#flushing;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
  }

  #add(apiKeyId: string, { tenantId, count, lastUsedAt }: Usage): void {
    const previous = this.#pending.get(apiKeyId);
    this.#pending.set(apiKeyId, {
      tenantId,
      count: count + (previous?.count ?? 0),
      lastUsedAt: Math.max(lastUsedAt, previous?.lastUsedAt ?? 0),
    });
  }

  async #write(tenantId: string, keys: [string, Usage][]): Promise<void> {
    // All processes update rows in the same order, so that they cannot deadlock.
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

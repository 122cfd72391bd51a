import type { LRUCache } from 'lru-cache';
import { namedCache } from '../lib/cache-stats.ts';

/** The tenant, user or API key of a lookup. As a target of an eviction, an absent property matches every value. */
export interface Subject {
  tenantId?: string | undefined;
  userId?: string | undefined;
  apiKeyId?: string | undefined;
}

interface Entry<Result> {
  result: Promise<Result>;
  /** Undefined until the lookup has resolved. */
  subject: Subject | undefined;
}

function matches(target: Subject, subject: Subject): boolean {
  return (
    (target.tenantId === undefined || target.tenantId === subject.tenantId) &&
    (target.userId === undefined || target.userId === subject.userId) &&
    (target.apiKeyId === undefined || target.apiKeyId === subject.apiKeyId)
  );
}

/** Caches lookups for a short time and shares a running lookup between callers. Errors and results without a subject are not cached. */
export class LookupCache<Result> {
  readonly #entries: LRUCache<string, Entry<Result>>;
  readonly #subjectOf: (result: Result) => Subject | undefined;

  /** @param subjectOf the subject of a result; undefined for a result that is not cached */
  constructor(ttlMs: number, subjectOf: (result: Result) => Subject | undefined) {
    this.#entries = namedCache('credential_lookups', { max: 10_000, ttl: ttlMs });
    this.#subjectOf = subjectOf;
  }

  getOrLoad(key: string, load: () => Promise<Result>): Promise<Result> {
    const cached = this.#entries.get(key);
    if (cached) return cached.result;
    const entry: Entry<Result> = { result: load(), subject: undefined };
    this.#entries.set(key, entry);
    const remove = () => {
      if (this.#entries.peek(key) === entry) this.#entries.delete(key);
    };
    entry.result.then((result) => {
      entry.subject = this.#subjectOf(result);
      if (!entry.subject) remove();
    }, remove);
    return entry.result;
  }

  /** Evicts the lookups of the target, and all that are still running: they may have read the state before the change. */
  evict(target: Subject): void {
    for (const [key, { subject }] of [...this.#entries.entries()]) {
      if (!subject || matches(target, subject)) this.#entries.delete(key);
    }
  }
}

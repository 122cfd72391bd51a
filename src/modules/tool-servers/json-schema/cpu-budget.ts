import { LRUCache } from 'lru-cache';
import { currentScope } from '../../../platform/postgres/request-scope.ts';
import { runWithTimeout, TimeoutError } from './run-with-timeout.ts';

/** What a check takes that nobody made to take long. It is free. */
const DEFAULT_MS = 20;
const MAX_MS = 2_000;
const WINDOW_MS = 60_000;

const spent = new LRUCache<string, { ms: number }>({ max: 10_000, ttl: WINDOW_MS });

/** The tenant has had its time. Says nothing of the work. */
export class CpuBudgetError extends TimeoutError {}

/**
 * The same as `runWithTimeout`, for what holds the thread that serves everybody: a tenant whose work took long, again and again, has none done
 * for a while. Throws TookTooLongError.
 */
export function runInCpuBudget<T>(timeoutMs: number, work: () => T): T {
  const { tenantId } = currentScope().context;
  if (tenantId === undefined) return runWithTimeout(timeoutMs, work);
  const account = spent.get(tenantId) ?? { ms: 0 };
  if (account.ms >= MAX_MS) throw new CpuBudgetError();
  const start = performance.now();
  try {
    return runWithTimeout(timeoutMs, work);
  } finally {
    const excess = performance.now() - start - DEFAULT_MS;
    if (excess > 0) {
      account.ms += excess;
      // The window begins with the first that took long.
      if (!spent.has(tenantId)) spent.set(tenantId, account);
    }
  }
}

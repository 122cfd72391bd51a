import { LRUCache } from 'lru-cache';
import { currentScope } from '../../db/context.ts';
import { TookTooLongError, withinTime } from './within-time.ts';

/** What a check takes that nobody made to take long. It is free. */
const USUAL_MS = 20;
const MOST_MS = 2_000;
const WINDOW_MS = 60_000;

const spent = new LRUCache<string, { ms: number }>({ max: 10_000, ttl: WINDOW_MS });

/** The tenant has had its time. Says nothing of the work. */
export class OverBudgetError extends TookTooLongError {}

/**
 * The same as `withinTime`, for what holds the thread that serves everybody: a tenant whose work took long, again and again, has none done
 * for a while. Throws TookTooLongError.
 */
export function withinBudget<T>(timeoutMs: number, work: () => T): T {
  const { tenantId } = currentScope().context;
  if (tenantId === undefined) return withinTime(timeoutMs, work);
  const account = spent.get(tenantId) ?? { ms: 0 };
  if (account.ms >= MOST_MS) throw new OverBudgetError();
  const start = performance.now();
  try {
    return withinTime(timeoutMs, work);
  } finally {
    const excess = performance.now() - start - USUAL_MS;
    if (excess > 0) {
      account.ms += excess;
      // The window begins with the first that took long.
      if (!spent.has(tenantId)) spent.set(tenantId, account);
    }
  }
}

import { createContext, Script } from 'node:vm';
import { LRUCache } from 'lru-cache';
import { currentScope } from '../../../platform/postgres/request-scope.ts';

const script = new Script('work()');

/** Something of a stranger's making took too long. */
export class TimeoutError extends Error {}

/**
 * Runs `work` on this thread and stops it when its time is over, wherever it is by then: also inside of a regular expression that would
 * never end. Throws TookTooLongError.
 */
export function runWithTimeout<T>(timeoutMs: number, work: () => T): T {
  let result: { value: T } | undefined;
  const scope = createContext({
    work: () => {
      result = { value: work() };
    },
  });
  try {
    script.runInContext(scope, { timeout: timeoutMs });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw new TimeoutError();
    throw error;
  }
  return (result as { value: T }).value;
}
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

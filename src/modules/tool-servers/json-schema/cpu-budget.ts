import { createContext, Script } from 'node:vm';
import { LRUCache } from 'lru-cache';
import { currentScope } from '../../../platform/postgres/request-scope.ts';

const script = new Script('work()');

/** Work on untrusted input exceeded its time limit. */
export class TimeoutError extends Error {}

/**
 * Runs `work` synchronously and interrupts it at the timeout, even in a regular expression that backtracks without end. Throws
 * TimeoutError.
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
/** Duration of a usual check, which is not charged to the budget. */
const DEFAULT_MS = 20;
const MAX_MS = 2_000;
const WINDOW_MS = 60_000;

const usage = new LRUCache<string, { ms: number }>({ max: 10_000, ttl: WINDOW_MS });

/** The tenant has used up its CPU budget. The work was not started. */
export class CpuBudgetError extends TimeoutError {}

/**
 * Like `runWithTimeout`, with a CPU budget per tenant, because the work blocks the thread that serves all tenants. Throws TimeoutError, and
 * CpuBudgetError once the tenant has exceeded its budget in the current window.
 */
export function runInCpuBudget<T>(timeoutMs: number, work: () => T): T {
  const { tenantId } = currentScope().context;
  if (tenantId === undefined) return runWithTimeout(timeoutMs, work);
  const account = usage.get(tenantId) ?? { ms: 0 };
  if (account.ms >= MAX_MS) throw new CpuBudgetError();
  const start = performance.now();
  try {
    return runWithTimeout(timeoutMs, work);
  } finally {
    const excess = performance.now() - start - DEFAULT_MS;
    if (excess > 0) {
      account.ms += excess;
      // The window starts with the first charge.
      if (!usage.has(tenantId)) usage.set(tenantId, account);
    }
  }
}

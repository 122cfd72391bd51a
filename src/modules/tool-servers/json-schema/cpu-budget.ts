import { LRUCache } from 'lru-cache';
import { currentScope } from '../../../platform/postgres/request-scope.ts';

/** CPU time of a usual check, which is not charged to the budget. */
const USUAL_MS = 20;
const MAX_MS = 2_000;
const WINDOW_MS = 60_000;

interface Account {
  ms: number;
  /** Ends with the check that was requested last. */
  last: Promise<unknown>;
}

const accounts = new LRUCache<string, Account>({ max: 10_000, ttl: WINDOW_MS });

/** The person has used up the CPU budget. The work was not started. */
export class CpuBudgetError extends Error {}

/**
 * Runs work that reports its CPU time, one at a time for each person and within a budget of 2 seconds per minute. A person has one budget in
 * all tenants and with all API keys: tenants cost nothing to create. Throws CpuBudgetError.
 */
export async function runInCpuBudget<T extends { cpuMs: number }>(work: () => Promise<T>): Promise<T> {
  const { userId, tenantId } = currentScope().context;
  const key = userId ?? tenantId;
  if (key === undefined) return work();
  const account = accounts.get(key) ?? { ms: 0, last: Promise.resolve() };
  // The window starts with the first check.
  if (!accounts.has(key)) accounts.set(key, account);
  const previous = account.last;
  const turn = (async () => {
    await previous.catch(() => {});
    if (account.ms >= MAX_MS) throw new CpuBudgetError();
    const result = await work();
    account.ms += Math.max(0, result.cpuMs - USUAL_MS);
    return result;
  })();
  account.last = turn.catch(() => {});
  return turn;
}

import { AsyncLocalStorage } from 'node:async_hooks';
import type { Transaction } from './transaction.ts';

/** Who acts, as the database sees it. Every field ends up in a transaction-local setting that policies and triggers read. */
export interface SessionContext {
  tenantId?: string | undefined;
  userId?: string | undefined;
  apiKeyId?: string | undefined;
  requestId?: string | undefined;
  ip?: string | undefined;
  userAgent?: string | undefined;
  /** The database refuses every write: viewers, and everything outside a transaction. */
  readOnly?: boolean | undefined;
}

interface RequestScope {
  context: SessionContext;
  transaction?: Transaction | undefined;
}

const scopes = new AsyncLocalStorage<RequestScope>();
const ANONYMOUS: RequestScope = { context: {} };

/** The scope of the running request. Without one, nobody acts: row security shows nothing. */
export function currentScope(): RequestScope {
  return scopes.getStore() ?? ANONYMOUS;
}

/** Whether a transaction is running, which whatever asks the database joins. */
export function inTransaction(): boolean {
  return currentScope().transaction !== undefined;
}

/** Runs `work` as `context`. Await everything inside: a query that is started outside runs as somebody else. */
export function runWithContext<T>(context: SessionContext, work: () => T): T {
  return scopes.run({ context }, work);
}

export function runInTransactionScope<T>(context: SessionContext, transaction: Transaction, work: () => T): T {
  return scopes.run({ context, transaction }, work);
}

/**
 * Changes who acts in the running transaction, for the few operations that learn it on the way: signing up, signing in,
 * accepting an invitation.
 */
export async function switchActor(change: SessionContext): Promise<void> {
  const scope = currentScope();
  if (!scope.transaction) throw new Error('the context can only change inside a transaction');
  scope.context = { ...scope.context, ...change };
  await scope.transaction.applyContext(scope.context);
}

/** Calls back after the running transaction has committed; never if it rolls back. */
export function afterCommit(callback: () => void): void {
  const { transaction } = currentScope();
  if (!transaction) throw new Error('afterCommit needs a running transaction');
  transaction.afterCommit(callback);
}

/** The composite key of a row of the current tenant, for Prisma's `findUnique`, `update` and `delete`. */
export function tenantKey(id: string): { tenantId_id: { tenantId: string; id: string } } {
  return { tenantId_id: { tenantId: currentScope().context.tenantId ?? '', id } };
}

import { AsyncLocalStorage } from 'node:async_hooks';
import type { SessionContext } from './session-settings.ts';
import type { Transaction } from './transaction.ts';

export type { SessionContext } from './session-settings.ts';

interface RequestScope {
  context: SessionContext;
  transaction?: Transaction | undefined;
}

const scopes = new AsyncLocalStorage<RequestScope>();
const ANONYMOUS: RequestScope = { context: {} };

/** The scope of the current request. Outside a request it is anonymous, and row security returns no rows. */
export function currentScope(): RequestScope {
  return scopes.getStore() ?? ANONYMOUS;
}

/** Whether a transaction is open in this scope. Statements join it. */
export function inTransaction(): boolean {
  return currentScope().transaction !== undefined;
}

/** Runs `work` with a session context. Await queries inside `work`: a Prisma promise that is awaited outside uses the outer context. */
export function runWithContext<T>(context: SessionContext, work: () => T): T {
  return scopes.run({ context }, work);
}

export function runInTransactionScope<T>(context: SessionContext, transaction: Transaction, work: () => T): T {
  return scopes.run({ context, transaction }, work);
}

/**
 * Changes the actor of the open transaction, for operations that identify the actor inside it, such as signing in. Throws outside a
 * transaction.
 */
export async function switchActor(change: SessionContext): Promise<void> {
  const scope = currentScope();
  if (!scope.transaction) throw new Error('switchActor needs an open transaction');
  scope.context = { ...scope.context, ...change };
  await scope.transaction.applyContext(scope.context);
}

/** Runs `callback` after the open transaction commits, and never if it rolls back. Throws outside a transaction. */
export function afterCommit(callback: () => void): void {
  const { transaction } = currentScope();
  if (!transaction) throw new Error('afterCommit needs an open transaction');
  transaction.afterCommit(callback);
}

/** The composite key of a row of the current tenant, for Prisma's `findUnique`, `update` and `delete`. */
export function tenantKey(id: string): { tenantId_id: { tenantId: string; id: string } } {
  return { tenantId_id: { tenantId: currentScope().context.tenantId ?? '', id } };
}

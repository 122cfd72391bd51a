import { verifyPassword } from '../../../platform/auth/passwords.ts';
import type { SignInAttempt } from '../../../platform/auth/sign-in-limiter.ts';
import { AuthenticationError } from '../../../platform/lib/errors.ts';
import { newId } from '../../../platform/lib/ids.ts';
import type { Database } from '../../../platform/postgres/database.ts';
import { currentScope, switchActor } from '../../../platform/postgres/request-scope.ts';
import { queryRows, sql } from '../../../platform/postgres/sql.ts';
import type { TenancyServices } from '../services.ts';
import { chooseTenant, listOwnTenants } from '../tenants/own-tenants.ts';

export interface Account {
  userId: string;
  passwordHash: string | null;
  userStatus: string;
}

export async function findAccount(database: Database, email: string): Promise<Account | undefined> {
  const [account] = await queryRows<Account>(
    database,
    sql`SELECT user_id, password_hash, user_status FROM app.find_credentials(${email}::citext)`,
  );
  return account;
}

/**
 * Writes an audit entry to the tenant of the attempt. The entry has no actor: the caller is not authenticated. For an unknown user it sends
 * as many statements and writes nothing, so that the time does not reveal whether an account exists.
 */
async function recordFailure(database: Database, userId: string, tenant: string | undefined): Promise<void> {
  const { userId: actor, tenantId, apiKeyId } = currentScope().context;
  await switchActor({ userId, tenantId: undefined, apiKeyId: undefined });
  const choice = chooseTenant(await listOwnTenants(database), tenant);
  await switchActor({ userId: undefined, tenantId: choice?.tenantId });
  await queryRows(
    database,
    choice
      ? sql`SELECT app.audit_failure('session.refused', 'user', ${userId}::uuid, 'wrong password')`
      : sql`SELECT ${userId}::uuid`,
  );
  await switchActor({ userId: actor, tenantId, apiKeyId });
}

/** A password that was compared with that of an account. */
export interface ComparedPassword {
  email: string;
  account: Account | undefined;
  matches: boolean;
  attempt: SignInAttempt;
}

/**
 * Compares a password with that of the account of an e-mail address, before the transaction that acts on it: no connection waits for the
 * comparison. Throws RateLimitedError.
 */
export async function comparePassword(
  { database, auth }: TenancyServices,
  { email, password }: { email: string; password: string },
): Promise<ComparedPassword> {
  const attempt = await auth.signInLimiter.begin(email, currentScope().context.ip);
  try {
    const account = await findAccount(database, email);
    return { email, account, matches: await verifyPassword(account?.passwordHash, password), attempt };
  } catch (error) {
    await attempt.cancelled();
    throw error;
  }
}

/**
 * Returns the account whose password matched, and counts failures. Throws AuthenticationError with the same message for an unknown address
 * and a wrong password. The error commits the transaction, so that the audit entry and the counters persist.
 * @param tenant whose audit log receives a failure. @default the tenant that the user joined first
 */
export async function requireMatch(
  { database }: TenancyServices,
  { email, account, matches, attempt }: ComparedPassword,
  tenant?: string,
): Promise<Account> {
  // The password may have changed since the comparison.
  const current = account && matches ? await findAccount(database, email) : undefined;
  if (!current || current.passwordHash !== account?.passwordHash) {
    await attempt.failed();
    await recordFailure(database, account?.userId ?? newId(), tenant);
    throw new AuthenticationError('INVALID_CREDENTIALS', 'The e-mail address or the password is wrong.', { commit: true });
  }
  await attempt.succeeded();
  if (current.userStatus !== 'ACTIVE') {
    throw new AuthenticationError('INVALID_CREDENTIALS', 'This account is disabled.', { commit: true });
  }
  return current;
}

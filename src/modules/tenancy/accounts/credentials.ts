import { verifyPassword } from '../../../platform/auth/passwords.ts';
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

/**
 * Compares a password with that of the account of an e-mail address, and counts failures.
 * Throws RateLimitedError, and AuthenticationError with the same message for an unknown address and a wrong password. The error commits
 * the transaction, so that the audit entry and the counters persist.
 */
export async function verifyPasswordOrThrow(
  { database, auth }: TenancyServices,
  input: { email: string; password: string; tenant?: string | undefined },
): Promise<Account> {
  const attempt = await auth.signInLimiter.begin(input.email, currentScope().context.ip);
  const account = await findAccount(database, input.email);
  const matches = await verifyPassword(account?.passwordHash, input.password);
  if (!account || !matches) {
    await attempt.failed();
    await recordFailure(database, account?.userId ?? newId(), input.tenant);
    throw new AuthenticationError('INVALID_CREDENTIALS', 'The e-mail address or the password is wrong.', { commit: true });
  }
  await attempt.succeeded();
  if (account.userStatus !== 'ACTIVE') {
    throw new AuthenticationError('INVALID_CREDENTIALS', 'This account is disabled.', { commit: true });
  }
  return account;
}

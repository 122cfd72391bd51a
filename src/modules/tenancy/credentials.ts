import { verifyPassword } from '../../platform/auth/passwords.ts';
import { AuthenticationError } from '../../platform/lib/errors.ts';
import type { Database } from '../../platform/postgres/database.ts';
import { currentScope, switchActor } from '../../platform/postgres/request-scope.ts';
import { queryRows, sql } from '../../platform/postgres/sql.ts';
import { listOwnTenants, type TenantMembership } from './read.ts';
import type { TenancyServices } from './services.ts';

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

/** The tenant with that id or slug among those the acting person can go to; the first when none is named. */
export function chooseTenant(choices: TenantMembership[], wanted: string | undefined): TenantMembership | undefined {
  return wanted === undefined
    ? choices[0]
    : choices.find(({ tenantId, slug }) => wanted === slug || wanted.toLowerCase() === tenantId);
}

/** Leaves a row in the log of the tenant that the attempt was for. Nobody is named as its actor: nobody has proved who they are. */
async function recordRefusal(database: Database, userId: string, wanted: string | undefined): Promise<void> {
  const { userId: actor, tenantId, apiKeyId } = currentScope().context;
  await switchActor({ userId, tenantId: undefined, apiKeyId: undefined });
  const choice = chooseTenant(await listOwnTenants(database), wanted);
  if (choice) {
    await switchActor({ userId: undefined, tenantId: choice.tenantId });
    await queryRows(database, sql`SELECT app.audit_failure('session.refused', 'user', ${userId}::uuid, 'wrong password')`);
  }
  await switchActor({ userId: actor, tenantId, apiKeyId });
}

/**
 * Compares a password with the account of an e-mail address, counting failures.
 * Throws RateLimitedError, and AuthenticationError with the same words for an unknown address and a wrong password; what it wrote about the
 * failure is kept.
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
    if (account) await recordRefusal(database, account.userId, input.tenant);
    throw new AuthenticationError('INVALID_CREDENTIALS', 'The e-mail address or the password is wrong.', { commit: true });
  }
  await attempt.succeeded();
  if (account.userStatus !== 'ACTIVE') {
    throw new AuthenticationError('INVALID_CREDENTIALS', 'This account is not in use.', { commit: true });
  }
  return account;
}

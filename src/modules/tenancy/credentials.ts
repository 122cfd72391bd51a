import { verifyPassword } from '../../auth/passwords.ts';
import { assumeContext, currentScope } from '../../db/context.ts';
import type { Database } from '../../db/database.ts';
import { rows, sql } from '../../db/sql.ts';
import { AuthenticationError } from '../../lib/errors.ts';
import { myTenants, type TenantChoice } from './read.ts';
import type { TenancyServices } from './services.ts';

export interface Account {
  userId: string;
  passwordHash: string | null;
  userStatus: string;
}

export async function findAccount(database: Database, email: string): Promise<Account | undefined> {
  const [account] = await rows<Account>(
    database,
    sql`SELECT user_id, password_hash, user_status FROM app.find_credentials(${email}::citext)`,
  );
  return account;
}

/** The tenant with that id or slug among those the acting person can go to; the first when none is named. */
export function chooseTenant(choices: TenantChoice[], wanted: string | undefined): TenantChoice | undefined {
  return wanted === undefined
    ? choices[0]
    : choices.find(({ tenantId, slug }) => wanted === slug || wanted.toLowerCase() === tenantId);
}

/** Leaves a row in the log of the tenant that the attempt was for. Nobody is named as its actor: nobody has proved who they are. */
async function recordRefusal(database: Database, userId: string, wanted: string | undefined): Promise<void> {
  const { userId: actor, tenantId, apiKeyId } = currentScope().context;
  await assumeContext({ userId, tenantId: undefined, apiKeyId: undefined });
  const choice = chooseTenant(await myTenants(database), wanted);
  if (choice) {
    await assumeContext({ userId: undefined, tenantId: choice.tenantId });
    await rows(database, sql`SELECT app.audit_failure('session.refused', 'user', ${userId}::uuid, 'wrong password')`);
  }
  await assumeContext({ userId: actor, tenantId, apiKeyId });
}

/**
 * Compares a password with the account of an e-mail address, counting failures.
 * Throws RateLimitedError, and AuthenticationError with the same words for an unknown address and a wrong password; what it wrote about the
 * failure is kept.
 */
export async function provePassword(
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

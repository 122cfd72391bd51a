import { checkPassword, hashPassword } from '../../../platform/auth/passwords.ts';
import type { RowOf } from '../../../platform/graphql/kit/entity/model-columns.ts';
import { ConflictError } from '../../../platform/lib/errors.ts';
import { newId } from '../../../platform/lib/ids.ts';
import { currentScope } from '../../../platform/postgres/request-scope.ts';
import { findAccount } from '../accounts/credentials.ts';
import type { TenancyServices } from '../services.ts';
import { createTenantWithOwner, type NewTenant } from '../tenants/create-tenant.ts';
import { openSession, type SignedIn } from './sessions.ts';

export interface SignUpInput {
  email: string;
  password: string;
  firstName?: string | undefined;
  lastName?: string | undefined;
  tenant: NewTenant;
}

/** Creates an account and its first tenant. Throws ConflictError for an address or slug that is taken. */
export async function signUp(services: TenancyServices, input: SignUpInput): Promise<SignedIn> {
  const { prisma, database, auth } = services;
  const { email, password, firstName, lastName } = input;
  checkPassword(password, email);
  // The limit hinders enumeration of accounts: the error reveals that an address has one.
  const attempt = await auth.signInLimiter.begin(`sign-up ${email}`, currentScope().context.ip);
  if (await findAccount(database, email)) {
    await attempt.failed();
    throw new ConflictError('An account with this e-mail address already exists.', { path: ['input', 'email'], commit: true });
  }
  await attempt.succeeded();
  const passwordHash = await hashPassword(password);
  const id = newId();
  const data = { id, email, passwordHash, firstName, lastName, lastLoginAt: new Date() };
  let user: RowOf<'User'> | undefined;
  const tenant = await createTenantWithOwner(prisma, id, input.tenant, async () => {
    user = await prisma.user.create({ data });
  });
  if (!user) throw new Error('createTenantWithOwner did not create the user');
  return openSession(services, user, tenant, 'OWNER');
}

import type { User } from '../../generated/prisma/client.ts';
import { checkPassword, hashPassword } from '../../platform/auth/passwords.ts';
import { ConflictError } from '../../platform/lib/errors.ts';
import { newId } from '../../platform/lib/ids.ts';
import { currentScope } from '../../platform/postgres/request-scope.ts';
import { findAccount } from './credentials.ts';
import { redactPasswordHash } from './read.ts';
import type { TenancyServices } from './services.ts';
import { openSession, type SignedIn } from './sessions.ts';
import { createTenantWithOwner, type NewTenant } from './tenants.ts';

export interface SignUpInput {
  email: string;
  password: string;
  firstName?: string | undefined;
  lastName?: string | undefined;
  tenant: NewTenant;
}

/** Makes an account and its first tenant. Throws ConflictError for an address or slug that is taken. */
export async function signUp(services: TenancyServices, input: SignUpInput): Promise<SignedIn> {
  const { prisma, database, auth } = services;
  const { email, password, firstName, lastName } = input;
  checkPassword(password, email);
  // Whoever asks for many addresses from one place wants to know which of them have accounts.
  const attempt = await auth.signInLimiter.begin(`sign-up ${email}`, currentScope().context.ip);
  if (await findAccount(database, email)) {
    await attempt.failed();
    throw new ConflictError('There is an account with this e-mail address already.', { path: ['input', 'email'], commit: true });
  }
  await attempt.succeeded();
  const passwordHash = await hashPassword(password);
  const id = newId();
  const data = { id, email, passwordHash, firstName, lastName, lastLoginAt: new Date() };
  let user: User | undefined;
  const tenant = await createTenantWithOwner(prisma, id, input.tenant, async () => {
    user = redactPasswordHash(await prisma.user.create({ data }));
  });
  if (!user) throw new Error('the person was not made');
  return openSession(services, user, tenant, 'OWNER');
}

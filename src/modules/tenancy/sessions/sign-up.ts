import { checkPassword, hashPassword } from '../../../platform/auth/passwords.ts';
import type { SignInAttempt } from '../../../platform/auth/sign-in-limiter.ts';
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

interface PreparedSignUp {
  attempt: SignInAttempt;
  /** Undefined if the address has an account. */
  passwordHash: string | undefined;
}

/** Hashes the password before the transaction of `signUp`. Throws ValidationError for an unsuitable one, and RateLimitedError. */
export async function prepareSignUp(
  { database, auth }: TenancyServices,
  { email, password }: Pick<SignUpInput, 'email' | 'password'>,
): Promise<PreparedSignUp> {
  checkPassword(password, email);
  // The limit hinders enumeration of accounts: the error reveals that an address has one.
  const attempt = await auth.signInLimiter.begin(`sign-up ${email}`, currentScope().context.ip);
  try {
    const exists = await findAccount(database, email);
    return { attempt, passwordHash: exists ? undefined : await hashPassword(password) };
  } catch (error) {
    await attempt.cancelled();
    throw error;
  }
}

/** Creates an account and its first tenant. Throws ConflictError for an address or slug that is taken. */
export async function signUp(
  services: TenancyServices,
  input: SignUpInput,
  { attempt, passwordHash }: PreparedSignUp,
): Promise<SignedIn> {
  const { prisma } = services;
  const { email, firstName, lastName } = input;
  if (!passwordHash) {
    await attempt.failed();
    throw new ConflictError('An account with this e-mail address already exists.', { path: ['input', 'email'], commit: true });
  }
  await attempt.succeeded();
  const id = newId();
  const data = { id, email, passwordHash, firstName, lastName, lastLoginAt: new Date() };
  let user: RowOf<'User'> | undefined;
  const tenant = await createTenantWithOwner(prisma, id, input.tenant, async () => {
    user = await prisma.user.create({ data });
  });
  if (!user) throw new Error('createTenantWithOwner did not create the user');
  return openSession(services, user, tenant, 'OWNER');
}

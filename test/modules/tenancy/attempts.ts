import { createSignInLimiter, type SignInLimiterOptions } from '../../../src/platform/auth/sign-in-limiter.ts';
import { RateLimitedError } from '../../../src/platform/lib/errors.ts';
import type { AuthFixture } from '../../platform/auth/fixture.ts';
import { signIn } from '../../platform/auth/use-cases.ts';

function defaultStore({ db, database }: AuthFixture): SignInLimiterOptions['store'] {
  return db.embedded ? undefined : { database };
}

/** A server process with low limits. By default its counters are those of the database mode under test. */
export function limitedProcess(fixture: AuthFixture, store = defaultStore(fixture)): AuthFixture {
  const signInLimiter = createSignInLimiter({ perAccount: 3, perAddress: 6, store });
  return { ...fixture, auth: { ...fixture.auth, signInLimiter } };
}

/** Tries a password. Returns `in`, the error code, or the RateLimitedError. */
export function attemptFrom(
  process: AuthFixture,
  email: string,
  ip: string,
  password = 'wrong horse battery',
): Promise<string | RateLimitedError> {
  return process
    .as(null, () => signIn(process, { email, password }), ip)
    .then(
      () => 'in',
      (error: unknown) => (error instanceof RateLimitedError ? error : (error as { code: string }).code),
    );
}

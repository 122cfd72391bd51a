import { signIn } from '../../../src/modules/tenancy/sessions.ts';
import { createSignInLimiter, type SignInLimiterOptions } from '../../../src/platform/auth/sign-in-limiter.ts';
import { RateLimitedError } from '../../../src/platform/lib/errors.ts';
import type { AuthFixture } from '../../platform/auth/fixture.ts';

function defaultStore({ db, database }: AuthFixture): SignInLimiterOptions['store'] {
  return db.embedded ? undefined : { database };
}

/** A server process with low limits, which counts as the mode of this run does unless told otherwise. */
export function limitedProcess(fixture: AuthFixture, store = defaultStore(fixture)): AuthFixture {
  const signInLimiter = createSignInLimiter({ perAccount: 3, perAddress: 6, store });
  return { ...fixture, auth: { ...fixture.auth, signInLimiter } };
}

/** Tries a password, and tells how it went: `in`, a code, or the error that closed the door. */
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

import type { Auth } from '../auth/auth.ts';
import { dbContextOf, type RequestInfo, type Viewer } from '../auth/viewer.ts';
import { runWithContext } from '../db/context.ts';
import { UnauthenticatedError } from '../lib/errors.ts';
import type { RateLimit } from './rate-limit.ts';

/**
 * Whose credential it is; null where there is none. One that is wrong is charged to the address it came from, so that nobody
 * can go on trying. Throws UnauthenticatedError, ForbiddenError, UnavailableError and RateLimitedError.
 */
export async function authenticate(
  { auth, rateLimit }: { auth: Auth; rateLimit: RateLimit },
  credential: string | undefined,
  info: RequestInfo,
): Promise<Viewer | null> {
  if (credential === undefined) return null;
  try {
    return await runWithContext(dbContextOf(null, info), () => auth.verify(credential));
  } catch (error) {
    if (error instanceof UnauthenticatedError) await rateLimit.take(null, info.ip);
    throw error;
  }
}

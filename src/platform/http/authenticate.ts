import type { Auth } from '../auth/auth.ts';
import { type RequestContext, type RequestInfo, requestContextOf, sessionContextOf } from '../auth/viewer.ts';
import { ForbiddenError, UnauthenticatedError } from '../lib/errors.ts';
import { runWithContext } from '../postgres/request-scope.ts';
import type { RateLimit } from './rate-limit.ts';

/**
 * The context of a request with this credential; without a viewer if there is no credential. A refused one counts against the rate limit
 * of its address, so that neither guessing nor a credential without access is free. Throws UnauthenticatedError, ForbiddenError, UnavailableError and RateLimitedError.
 */
export async function authenticate(
  { auth, rateLimit }: { auth: Auth; rateLimit: RateLimit },
  credential: string | undefined,
  info: RequestInfo,
): Promise<RequestContext> {
  if (credential === undefined) return requestContextOf(null, info);
  try {
    const viewer = await runWithContext(sessionContextOf(null, info), () => auth.verify(credential));
    return requestContextOf(viewer, info);
  } catch (error) {
    if (error instanceof UnauthenticatedError || error instanceof ForbiddenError) await rateLimit.take(null, info.ip);
    throw error;
  }
}

import { extractWWWAuthenticateParams } from '@modelcontextprotocol/sdk/client/auth.js';
import type { Authorization, Challenge } from './authorization.ts';

/** Covers a missing or expired token, then tokens with insufficient scope. */
const MAX_ATTEMPTS = 4;

/**
 * Wraps fetch and sends the access token only to the server it belongs to. A server does not execute a request
 * that it rejects with a challenge, so the wrapper retries the request with another token.
 */
export function authorizedFetch(fetchIt: typeof fetch, authorization: Authorization, { origin }: URL): typeof fetch {
  return async (input, init = {}) => {
    if (input instanceof Request || new URL(input).origin !== origin) return fetchIt(input, init);
    const signal = init.signal ?? new AbortController().signal;
    let isRenewed = false;
    for (let times = 1; ; times++) {
      const token = await authorization.token(signal);
      const headers = new Headers(init.headers);
      if (token !== undefined) headers.set('authorization', `Bearer ${token}`);
      const response = await fetchIt(input, { ...init, headers });
      // A session DELETE does not justify a new token.
      const challenge = init.method === 'DELETE' ? undefined : challengeOf(response);
      if (!challenge || times === MAX_ATTEMPTS || (challenge.status === 401 && isRenewed)) return response;
      isRenewed = true;
      if (!(await authorization.answer(challenge, token, signal))) return response;
      await response.body?.cancel();
    }
  };
}

function challengeOf(response: Response): Challenge | undefined {
  const { status } = response;
  if (status !== 401 && status !== 403) return undefined;
  const { error, scope, resourceMetadataUrl } = extractWWWAuthenticateParams(response);
  return status === 401 || error === 'insufficient_scope' ? { status, scope, resourceMetadataUrl } : undefined;
}

import { auth } from '@modelcontextprotocol/sdk/client/auth.js';
import type { OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js';
import { raceAbort, withDeadline } from '../deadline.ts';
import type { McpAuthProvider, McpClientCredentials } from '../endpoint.ts';
import { McpCallError } from '../errors.ts';
import { ClientCredentials } from './client-credentials.ts';
import { toOAuthError } from './map-oauth-error.ts';
import { OAuthRequests } from './oauth-requests.ts';

/** Limit for all requests of one token acquisition. */
const AUTHORIZE_MS = 20_000;
/** Renews this early so that a token does not expire in transit. */
const EARLY_S = 30;
/** Applies even if the server reports a shorter lifetime. */
const MIN_LIFETIME_S = 5;
const MAX_TOKEN_LENGTH = 16_384;
const MAX_TOKENS = 5;

/** The challenge in a 401, or in a 403 that requires more scope than the token grants. */
export interface Challenge {
  status: 401 | 403;
  scope?: string | undefined;
  resourceMetadataUrl?: URL | undefined;
}

/** Holds and renews the access token for one MCP server. It outlives connections. */
export class Authorization {
  readonly #serverUrl: URL;
  readonly #provider: McpAuthProvider;
  readonly #fetch: typeof fetch;
  readonly #closed = new AbortController();
  #tokens: OAuthTokens | undefined;
  /** Access tokens, newest last. Pending responses may still contain older ones. */
  #given: string[] = [];
  /** Expiry on the performance.now() clock, in ms. */
  #endsAt = Number.POSITIVE_INFINITY;
  /** Requested and granted scopes. */
  #scopes: ReadonlySet<string>;
  #last: Challenge = { status: 401 };
  #renewing: Promise<void> | undefined;

  constructor(serverUrl: URL, how: McpClientCredentials | McpAuthProvider, fetchIt: typeof fetch) {
    this.#serverUrl = serverUrl;
    this.#provider = 'kind' in how ? new ClientCredentials(how) : how;
    this.#scopes = 'kind' in how ? scopesIn(how.scope) : new Set();
    this.#fetch = fetchIt;
  }

  get secrets(): string[] {
    const { refresh_token } = this.#tokens ?? {};
    return refresh_token === undefined ? this.#given : [...this.#given, refresh_token];
  }

  /** Returns the token to send. Without a token, the server responds with a challenge. */
  async token(signal: AbortSignal): Promise<string | undefined> {
    if (performance.now() >= this.#endsAt) await raceAbort(this.#renew(this.#last), signal);
    if (this.#renewing) await raceAbort(this.#renewing, signal);
    this.#take(await this.#provider.tokens());
    return this.#tokens?.access_token;
  }

  /** Replaces the rejected token or waits for a pending renewal. Returns false if no token can help. */
  async answer(challenge: Challenge, refused: string | undefined, signal: AbortSignal): Promise<boolean> {
    if (!this.#renewing) {
      if (this.#tokens?.access_token !== refused) return true;
      if (challenge.status === 403 && [...scopesIn(challenge.scope)].every((scope) => this.#scopes.has(scope))) return false;
    }
    await raceAbort(this.#renew(challenge), signal);
    return true;
  }

  close(): void {
    this.#closed.abort();
  }

  #take(tokens: OAuthTokens | undefined): void {
    this.#tokens = tokens;
    const token = tokens?.access_token;
    if (token !== undefined && token !== this.#given.at(-1)) this.#given = [...this.#given, token].slice(-MAX_TOKENS);
  }

  /** Shares one renewal among all waiting callers. */
  #renew(challenge: Challenge): Promise<void> {
    if (this.#renewing) return this.#renewing;
    const renewing = this.#authorize(challenge).finally(() => {
      this.#renewing = undefined;
    });
    // Every waiting caller may have aborted, so this handles the rejection.
    renewing.catch(() => {});
    this.#renewing = renewing;
    return renewing;
  }

  async #authorize(challenge: Challenge): Promise<void> {
    const asked = scopesIn(challenge.scope);
    // The replacement for an expired token requests the same scopes.
    const scopes = challenge.status === 403 ? new Set([...this.#scopes, ...asked]) : this.#scopes.size > 0 ? this.#scopes : asked;
    this.#last = { ...challenge, status: 401 };
    const late = new McpCallError('TIMEOUT', `The access token for the MCP server was not issued within ${AUTHORIZE_MS} ms.`);
    const { signal } = this.#closed;
    const tokens = await withDeadline({ signal, timeoutMs: AUTHORIZE_MS, late }, async (either) => {
      const requests = new OAuthRequests(this.#fetch, either);
      try {
        return await raceAbort(this.#getTokens(requests, [...scopes].join(' '), challenge), either);
      } catch (error) {
        throw requests.failure ?? toOAuthError(error);
      }
    });
    this.#take(tokens);
    this.#scopes = new Set([...scopes, ...scopesIn(tokens.scope)]);
    const { expires_in: seconds } = tokens;
    this.#endsAt = seconds ? performance.now() + Math.max(seconds - EARLY_S, MIN_LIFETIME_S) * 1000 : Number.POSITIVE_INFINITY;
  }

  async #getTokens({ fetch }: OAuthRequests, scope: string, { status, resourceMetadataUrl }: Challenge): Promise<OAuthTokens> {
    const provider = status === 403 ? withoutRefresh(this.#provider) : this.#provider;
    if (this.#provider instanceof ClientCredentials) this.#provider.scope = scope || undefined;
    const options = {
      serverUrl: this.#serverUrl,
      fetchFn: fetch,
      ...(scope ? { scope } : {}),
      ...(resourceMetadataUrl ? { resourceMetadataUrl } : {}),
    };
    if ((await auth(provider, options)) === 'REDIRECT') {
      const authorizationCode = await this.#provider.authorizationCode?.();
      if (!authorizationCode)
        throw new McpCallError('REFUSED', 'The MCP server requires a user to sign in, which is not supported.');
      await auth(provider, { ...options, authorizationCode });
    }
    const tokens = await this.#provider.tokens();
    if (!tokens || !isBearer(tokens))
      throw new McpCallError('PROTOCOL', 'The authorization server returned no usable Bearer token.');
    return tokens;
  }
}

/** Hides the stored tokens, because a refreshed token grants no additional scope. */
function withoutRefresh(provider: McpAuthProvider): McpAuthProvider {
  return new Proxy(provider, {
    get(target, name) {
      if (name === 'tokens') return () => undefined;
      const value = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** Returns false for a token that is invalid in a header, because the header error would contain the token. */
function isBearer({ access_token, token_type }: OAuthTokens): boolean {
  return token_type.toLowerCase() === 'bearer' && access_token.length <= MAX_TOKEN_LENGTH && /^[\x21-\x7e]+$/.test(access_token);
}

function scopesIn(text = ''): Set<string> {
  return new Set(text.split(' ').filter(Boolean));
}

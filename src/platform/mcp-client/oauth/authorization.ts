import { auth } from '@modelcontextprotocol/sdk/client/auth.js';
import type { OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js';
import { raceAbort, withDeadline } from '../deadline.ts';
import type { McpAuthProvider, McpClientCredentials } from '../endpoint.ts';
import { McpCallError } from '../errors.ts';
import { ClientCredentials } from './client-credentials.ts';
import { toOAuthError } from './map-oauth-error.ts';
import { OAuthRequests } from './oauth-requests.ts';

/** For all that is asked on the way to a token. */
const AUTHORIZE_MS = 20_000;
/** So that a token does not end on its way. */
const EARLY_S = 30;
/** Even of a token that is said to end at once. */
const MIN_LIFETIME_S = 5;
const MAX_TOKEN_LENGTH = 16_384;
const MAX_TOKENS = 5;

/** What a server says with a 401, or with a 403 that asks for more than the token allows. */
export interface Challenge {
  status: 401 | 403;
  scope?: string | undefined;
  resourceMetadataUrl?: URL | undefined;
}

/** The access token for one MCP server, and the way to another one. It outlives connections. */
export class Authorization {
  readonly #serverUrl: URL;
  readonly #provider: McpAuthProvider;
  readonly #fetch: typeof fetch;
  readonly #closed = new AbortController();
  #tokens: OAuthTokens | undefined;
  /** Access tokens, the last one last. Those before it may still be on their way in an answer. */
  #given: string[] = [];
  /** As performance.now() counts. */
  #endsAt = Number.POSITIVE_INFINITY;
  /** Scopes that were asked for, or given. */
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

  /** What to send along now. Without one the server says what it wants. */
  async token(signal: AbortSignal): Promise<string | undefined> {
    if (performance.now() >= this.#endsAt) await raceAbort(this.#renew(this.#last), signal);
    if (this.#renewing) await raceAbort(this.#renewing, signal);
    this.#take(await this.#provider.tokens());
    return this.#tokens?.access_token;
  }

  /** Gets another token than the one that was refused, or waits for one that is being got. False when none would help. */
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

  /** Once for all who wait. */
  #renew(challenge: Challenge): Promise<void> {
    if (this.#renewing) return this.#renewing;
    const renewing = this.#authorize(challenge).finally(() => {
      this.#renewing = undefined;
    });
    // Who waited may have given up.
    renewing.catch(() => {});
    this.#renewing = renewing;
    return renewing;
  }

  async #authorize(challenge: Challenge): Promise<void> {
    const asked = scopesIn(challenge.scope);
    // A token that has only ended is asked for as it was.
    const scopes = challenge.status === 403 ? new Set([...this.#scopes, ...asked]) : this.#scopes.size > 0 ? this.#scopes : asked;
    this.#last = { ...challenge, status: 401 };
    const late = new McpCallError('TIMEOUT', `There was no access token for the MCP server in ${AUTHORIZE_MS} ms.`);
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
      if (!authorizationCode) throw new McpCallError('REFUSED', 'The MCP server wants a person to sign in, and there is none.');
      await auth(provider, { ...options, authorizationCode });
    }
    const tokens = await this.#provider.tokens();
    if (!tokens || !isBearer(tokens)) throw new McpCallError('PROTOCOL', 'The authorization server gave no token we could use.');
    return tokens;
  }
}

/** A refreshed token allows no more than the one before. */
function withoutRefresh(provider: McpAuthProvider): McpAuthProvider {
  return new Proxy(provider, {
    get(target, name) {
      if (name === 'tokens') return () => undefined;
      const value = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** Anything else cannot stand in a header, whose error would repeat it. */
function isBearer({ access_token, token_type }: OAuthTokens): boolean {
  return token_type.toLowerCase() === 'bearer' && access_token.length <= MAX_TOKEN_LENGTH && /^[\x21-\x7e]+$/.test(access_token);
}

function scopesIn(text = ''): Set<string> {
  return new Set(text.split(' ').filter(Boolean));
}

import { createRemoteJWKSet, errors } from 'jose';
import { z } from 'zod';
import { UnavailableError } from '../lib/errors.ts';
import { decodeUnverified, InvalidTokenError, verifyToken } from './access-token.ts';

export interface OidcIssuer {
  /** The `iss` of its tokens, exactly. */
  issuer: string;
  /** The `aud` its tokens must carry. */
  audience: string;
  /** URL of its keys. @default the one in the issuer's discovery document */
  jwksUri?: string | undefined;
}

/** The identity that a token of a trusted issuer asserts. */
export interface ExternalIdentity {
  issuer: string;
  subject: string;
  /** The `tid` claim, if the token has one. */
  tenantId: string | undefined;
  issuedAt: Date;
  expiresAt: Date;
}

/** Maximum lifetime of a token of another issuer, in seconds. The membership is checked for each request regardless. */
const MAX_SECONDS = 86_400;
const FETCH_TIMEOUT_MS = 5_000;
const RETRY_AFTER_MS = 2_000;

/** Accepted `typ` headers: that of RFC 9068 access tokens, and those that most issuers use instead. */
const TYPES = new Set<string | undefined>(['at+jwt', 'application/at+jwt', 'jwt', undefined]);

const discoverySchema = z.object({ issuer: z.string(), jwks_uri: z.url({ protocol: /^https?$/ }) });

type RemoteKeys = ReturnType<typeof createRemoteJWKSet>;

async function discover({ issuer, jwksUri }: OidcIssuer): Promise<RemoteKeys> {
  const options = { timeoutDuration: FETCH_TIMEOUT_MS, cooldownDuration: 5_000, cacheMaxAge: 600_000 };
  if (jwksUri) return createRemoteJWKSet(new URL(jwksUri), options);
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const response = await fetch(url, { signal: AbortSignal.timeout(FETCH_TIMEOUT_MS), redirect: 'error' });
  if (!response.ok) throw new Error(`${url} returned status ${response.status}`);
  const found = discoverySchema.parse(await response.json());
  if (found.issuer !== issuer) throw new Error(`${url} is the discovery document of another issuer: ${found.issuer}`);
  return createRemoteJWKSet(new URL(found.jwks_uri), options);
}

/** For an issuer whose keys cannot be fetched. A token whose key the issuer does not have is invalid instead. */
function unavailable(cause: unknown): UnavailableError {
  return new UnavailableError('The identity provider of this token is unavailable. Try again later.', { cause });
}

export interface ExternalIssuers {
  trusts(issuer: string): boolean;
  verify(token: string): Promise<ExternalIdentity>;
}

/** The keys of one issuer, fetched at first use. After a failure, further requests fail without a fetch for 2 seconds. */
class RemoteIssuer {
  readonly config: OidcIssuer;
  #keys: Promise<RemoteKeys> | undefined;
  #failure = { at: Number.NEGATIVE_INFINITY, cause: undefined as unknown };

  constructor(config: OidcIssuer) {
    this.config = config;
  }

  readonly resolve = async (...args: Parameters<RemoteKeys>): ReturnType<RemoteKeys> => {
    if (performance.now() - this.#failure.at < RETRY_AFTER_MS) throw unavailable(this.#failure.cause);
    try {
      this.#keys ??= discover(this.config);
      return await (await this.#keys)(...args);
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) throw error;
      this.#keys = undefined;
      this.#failure = { at: performance.now(), cause: error };
      throw unavailable(error);
    }
  };
}

/** The issuers that the configuration trusts. */
export function createExternalIssuers(configured: readonly OidcIssuer[]): ExternalIssuers {
  const issuers = new Map(configured.map((config) => [config.issuer, new RemoteIssuer(config)]));
  return {
    trusts: (issuer) => issuers.has(issuer),
    async verify(token) {
      const { issuer: name, header } = decodeUnverified(token);
      const issuer = issuers.get(name);
      if (!issuer || !TYPES.has(header.typ?.toLowerCase())) throw new InvalidTokenError();
      const rules = { issuer: name, audience: issuer.config.audience, maxSeconds: MAX_SECONDS };
      const { sub, iat = 0, exp, tid } = await verifyToken(token, issuer.resolve, rules);
      return {
        issuer: name,
        subject: sub,
        tenantId: typeof tid === 'string' ? tid : undefined,
        issuedAt: new Date(iat * 1000),
        expiresAt: new Date(exp * 1000),
      };
    },
  };
}

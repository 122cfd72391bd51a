import {
  decodeJwt,
  decodeProtectedHeader,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
  type ProtectedHeaderParameters,
  SignJWT,
} from 'jose';
import { namedCache } from '../lib/cache-stats.ts';
import { UnauthenticatedError } from '../lib/errors.ts';
import { isUuid, newId } from '../lib/ids.ts';
import { type Keyring, SIGNATURE_ALGORITHMS } from './keyring.ts';
import type { Role } from './permissions.ts';

/** Maximum lifetime of an access token that this server issues or accepts, in seconds. */
export const MAX_ACCESS_TOKEN_SECONDS = 900;

/** Tolerated difference between two clocks, in seconds. */
export const CLOCK_TOLERANCE_SECONDS = 5;

/** How long the claims of a verified token are cached: verifying a signature takes longer than many requests. */
const VERIFIED_TOKEN_TTL_MS = 3_000;

const TYPE = 'at+jwt';

/** Header members by which a token could choose its own key or change what its signature covers. */
const FORBIDDEN_HEADERS = ['jku', 'jwk', 'x5u', 'crit'];

/** The claims of an access token of this server. */
export interface AccessClaims {
  userId: string;
  tenantId: string;
  /** The session that issued the token. */
  sessionId: string | undefined;
  expiresAt: Date;
}

export interface AccessTokenOptions {
  keyring: Keyring;
  issuer: string;
  audience: string;
  ttlSeconds: number;
}

export interface NewAccessToken {
  userId: string;
  tenantId: string;
  role: Role;
  sessionId?: string | undefined;
}

export class InvalidTokenError extends UnauthenticatedError {
  constructor() {
    super('The access token is not valid.');
  }
}

/** The issuer and the header of a token, not verified. Throws InvalidTokenError for a text that is not a JWT. */
export function decodeUnverified(token: string): { issuer: string; header: ProtectedHeaderParameters } {
  try {
    const header = decodeProtectedHeader(token);
    const { iss } = decodeJwt(token);
    if (typeof iss !== 'string' || FORBIDDEN_HEADERS.some((name) => name in header)) throw new InvalidTokenError();
    return { issuer: iss, header };
  } catch {
    throw new InvalidTokenError();
  }
}

export interface TokenRules {
  issuer: string;
  audience: string;
  /** Maximum time from `iat` to `exp`, in seconds. */
  maxSeconds: number;
}

/**
 * Verifies the signature, issuer, audience and times. Throws UnauthenticatedError, whose message distinguishes an expired token from an
 * invalid one and gives no further detail to a forger.
 */
export async function verifyToken(
  token: string,
  resolver: JWTVerifyGetKey,
  rules: TokenRules,
): Promise<Required<Pick<JWTPayload, 'sub' | 'exp'>> & JWTPayload> {
  try {
    const { payload } = await jwtVerify(token, resolver, {
      algorithms: SIGNATURE_ALGORITHMS,
      issuer: rules.issuer,
      audience: rules.audience,
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      requiredClaims: ['sub', 'exp', 'iat'],
    });
    const { sub, exp = 0, iat = 0 } = payload;
    const issuedInFuture = iat > Date.now() / 1000 + CLOCK_TOLERANCE_SECONDS;
    if (typeof sub !== 'string' || sub === '' || issuedInFuture || exp - iat > rules.maxSeconds || exp <= iat)
      throw new InvalidTokenError();
    return { ...payload, sub, exp };
  } catch (error) {
    if (error instanceof errors.JWTExpired) throw new UnauthenticatedError('The access token has expired.');
    if (error instanceof errors.JOSEError) throw new InvalidTokenError();
    throw error;
  }
}

export interface AccessTokens {
  sign(claims: NewAccessToken): Promise<{ token: string; expiresAt: Date }>;
  /** The claims of a valid token. A token whose key was removed stays valid for up to 3 seconds. */
  verify(token: string): Promise<AccessClaims>;
}

function hasExpired({ expiresAt }: AccessClaims): boolean {
  return expiresAt.getTime() + CLOCK_TOLERANCE_SECONDS * 1000 <= Date.now();
}

/** Access tokens that this server issues at sign-in. */
export function createAccessTokens({ keyring, issuer, audience, ttlSeconds }: AccessTokenOptions): AccessTokens {
  if (ttlSeconds < 1 || ttlSeconds > MAX_ACCESS_TOKEN_SECONDS) {
    throw new Error(`the access token TTL is ${ttlSeconds} seconds, but must be 1 to ${MAX_ACCESS_TOKEN_SECONDS}`);
  }
  const verified = namedCache<string, AccessClaims>('access_tokens', { max: 10_000, ttl: VERIFIED_TOKEN_TTL_MS });
  return {
    async sign({ userId, tenantId, role, sessionId }) {
      const { key, kid, alg } = await keyring.signingKey();
      const now = Math.floor(Date.now() / 1000);
      const token = await new SignJWT({ tid: tenantId, role, ...(sessionId ? { sid: sessionId } : {}) })
        .setProtectedHeader({ alg, kid, typ: TYPE })
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject(userId)
        .setJti(newId())
        .setIssuedAt(now)
        .setExpirationTime(now + ttlSeconds)
        .sign(key);
      return { token, expiresAt: new Date((now + ttlSeconds) * 1000) };
    },

    async verify(token) {
      const cached = verified.get(token);
      if (cached && !hasExpired(cached)) return cached;
      const { header } = decodeUnverified(token);
      if (header.typ !== TYPE || typeof header.kid !== 'string') throw new InvalidTokenError();
      const { keys } = await keyring.publicKeys();
      if (!keys.some(({ kid }) => kid === header.kid)) await keyring.reload();
      const rules = { issuer, audience, maxSeconds: MAX_ACCESS_TOKEN_SECONDS };
      const { sub, tid, sid, exp } = await verifyToken(token, await keyring.resolver(), rules);
      if (!isUuid(sub) || typeof tid !== 'string' || !isUuid(tid)) throw new InvalidTokenError();
      if (sid !== undefined && (typeof sid !== 'string' || !isUuid(sid))) throw new InvalidTokenError();
      const claims = { userId: sub, tenantId: tid, sessionId: sid, expiresAt: new Date(exp * 1000) };
      verified.set(token, claims);
      return claims;
    },
  };
}

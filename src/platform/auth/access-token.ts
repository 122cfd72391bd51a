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
import { LRUCache } from 'lru-cache';
import { UnauthenticatedError } from '../lib/errors.ts';
import { isUuid, newId } from '../lib/ids.ts';
import { type Keyring, SIGNATURE_ALGORITHMS } from './keyring.ts';
import type { Role } from './permissions.ts';

/** Longest life of an access token that this server makes or takes, in seconds. */
export const MAX_ACCESS_TOKEN_SECONDS = 900;

/** How far two clocks may be apart, in seconds. */
export const CLOCK_TOLERANCE_SECONDS = 5;

/** How long a token that was verified is taken as it is: its signature takes longer to verify than many requests to answer. */
const VERIFIED_TOKEN_TTL_MS = 3_000;

const TYPE = 'at+jwt';

/** Header members that would let the token say where its key is, or change what its signature covers. */
const FORBIDDEN_HEADERS = ['jku', 'jwk', 'x5u', 'crit'];

/** What a token of this server says. */
export interface AccessClaims {
  userId: string;
  tenantId: string;
  /** The sign-in it descends from, where it came from one. */
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

/** The issuer a token claims and its header, neither of them verified. Throws InvalidTokenError for what is no JWT. */
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
  /** Longest time from `iat` to `exp`, in seconds. */
  maxSeconds: number;
}

/**
 * Verifies signature, issuer, audience and times. Throws UnauthenticatedError, which tells a token that has ended from one that is not
 * valid, and nothing else: a forger learns no detail.
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
    const madeLater = iat > Date.now() / 1000 + CLOCK_TOLERANCE_SECONDS;
    if (typeof sub !== 'string' || sub === '' || madeLater || exp - iat > rules.maxSeconds || exp <= iat)
      throw new InvalidTokenError();
    return { ...payload, sub, exp };
  } catch (error) {
    if (error instanceof errors.JWTExpired) throw new UnauthenticatedError('The access token has expired.');
    if (error instanceof errors.JOSEError) throw new InvalidTokenError();
    throw error;
  }
}

export interface AccessTokens {
  sign(who: NewAccessToken): Promise<{ token: string; expiresAt: Date }>;
  /** What a token says. That of a key which is withdrawn meanwhile is taken for three seconds more. */
  verify(token: string): Promise<AccessClaims>;
}

function hasEnded({ expiresAt }: AccessClaims): boolean {
  return expiresAt.getTime() + CLOCK_TOLERANCE_SECONDS * 1000 <= Date.now();
}

/** The tokens this server makes for people who sign in here. */
export function createAccessTokens({ keyring, issuer, audience, ttlSeconds }: AccessTokenOptions): AccessTokens {
  if (ttlSeconds < 1 || ttlSeconds > MAX_ACCESS_TOKEN_SECONDS) {
    throw new Error(`access tokens live between 1 and ${MAX_ACCESS_TOKEN_SECONDS} seconds`);
  }
  const verified = new LRUCache<string, AccessClaims>({ max: 10_000, ttl: VERIFIED_TOKEN_TTL_MS });
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
      const known = verified.get(token);
      if (known && !hasEnded(known)) return known;
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

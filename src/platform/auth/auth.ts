import type { JSONWebKeySet } from 'jose';
import { UnauthenticatedError } from '../lib/errors.ts';
import { isUuid, newId } from '../lib/ids.ts';
import type { Logger } from '../lib/logger.ts';
import type { Database } from '../postgres/database.ts';
import type { Prisma } from '../postgres/prisma.ts';
import { afterCommit, runWithContext } from '../postgres/request-scope.ts';
import { createAccessTokens, decodeUnverified, InvalidTokenError } from './access-token.ts';
import { hashApiKey, isWellFormedApiKey, looksLikeApiKey } from './api-key-secret.ts';
import { ApiKeyUsage } from './api-key-usage.ts';
import {
  findApiKeyGrant,
  findApiKeyGrantById,
  findMembershipGrant,
  type LookupResult,
  requireGrant,
} from './credential-lookup.ts';
import type { Keyring } from './keyring.ts';
import { LookupCache, type Subject } from './lookup-cache.ts';
import { createExternalIssuers, type ExternalIdentity, type OidcIssuer } from './oidc.ts';
import type { Role } from './permissions.ts';
import { hashSecret, newSecret } from './secrets.ts';
import type { SignInLimiter } from './sign-in-limiter.ts';
import type { Viewer } from './viewer.ts';

export interface AuthOptions {
  database: Database;
  prisma: Prisma;
  keyring: Keyring;
  /** The `iss` of the tokens made here. */
  issuer: string;
  /** The `aud` of the tokens made here. */
  audience: string;
  /** What API keys are hashed under. Another pepper voids every key. */
  apiKeyPepper: string;
  oidcIssuers: readonly OidcIssuer[];
  /** At most 900. */
  accessTokenTtlSeconds: number;
  refreshTokenTtlSeconds: number;
  signInLimiter: SignInLimiter;
  log: Logger;
}

/** What a client holds after signing in. */
export interface Session {
  sessionId: string;
  accessToken: string;
  refreshToken: string;
  /** When the access token ends. */
  expiresAt: Date;
}

export interface NewSession {
  userId: string;
  tenantId: string;
  role: Role;
  /** The session to go on with; a new one when not given. */
  sessionId?: string;
}

export interface Auth {
  /**
   * Who a credential stands for: a JWT of this server or a trusted issuer, or an API key.
   * Throws UnauthenticatedError for one that is not valid, ForbiddenError for one whose person or tenant may not get in.
   */
  verify(credential: string): Promise<Viewer>;
  /**
   * Whether the credential of a viewer still holds, with every right it had. Asks the database at most once a second for each
   * credential: for what runs long, such as subscriptions.
   */
  revalidate(viewer: Viewer): Promise<boolean>;
  /** Forgets what is remembered about a person, tenant or key, after it changed. Other processes forget within 3 seconds. */
  evict(target: Subject): void;
  /** Opens or goes on with a session, in the running transaction, which must act as that person in that tenant. */
  issueSession(who: NewSession): Promise<Session>;
  /** Whom a token of a trusted issuer is about, whether or not the person is known here. */
  verifyExternal(token: string): Promise<ExternalIdentity>;
  hashApiKey(secret: string): string;
  readonly signInLimiter: SignInLimiter;
  /** The public keys that verify the tokens made here. */
  jwks(): Promise<JSONWebKeySet>;
  /** Writes what was counted in memory. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

const LOOKUP_TTL_MS = 3_000;
const REVALIDATION_MS = 1_000;
const MAX_CREDENTIAL_LENGTH = 8_192;

function subjectOf(answer: LookupResult): Subject | undefined {
  return 'standing' in answer ? answer.standing : undefined;
}

export async function createAuth(options: AuthOptions): Promise<Auth> {
  const { database, prisma, keyring, apiKeyPepper } = options;
  const tokens = createAccessTokens({ ...options, ttlSeconds: options.accessTokenTtlSeconds });
  const external = createExternalIssuers(options.oidcIssuers);
  if (external.trusts(options.issuer)) throw new Error('an external issuer must not have the name of this server');
  const usage = new ApiKeyUsage(database, options.log);
  const answers = new LookupCache<LookupResult>(LOOKUP_TTL_MS, subjectOf);
  const revalidations = new LookupCache<LookupResult>(REVALIDATION_MS, subjectOf);

  async function verifyApiKey(secret: string): Promise<Viewer> {
    if (!isWellFormedApiKey(secret)) throw new UnauthenticatedError('The API key is not valid.');
    const hash = hashApiKey(secret, apiKeyPepper);
    const standing = requireGrant(await answers.getOrLoad(`key ${hash}`, () => findApiKeyGrant(database, hash)));
    if (standing.expiresAt && standing.expiresAt.getTime() <= Date.now())
      throw new UnauthenticatedError('The API key has expired.');
    usage.count(standing.tenantId, standing.apiKeyId ?? '');
    return standing;
  }

  async function admit(
    who: { userId: string; tenantId: string; sessionId: string | undefined },
    expiresAt: Date,
  ): Promise<Viewer> {
    const key = `person ${who.tenantId} ${who.userId} ${who.sessionId}`;
    const standing = requireGrant(await answers.getOrLoad(key, () => findMembershipGrant(database, who)));
    return { ...standing, sessionId: who.sessionId, expiresAt };
  }

  async function firstTenantOf(userId: string): Promise<string> {
    const { rows } = await runWithContext({ userId }, () => database.query('SELECT tenant_id FROM app.my_tenants() LIMIT 1'));
    const first = rows[0] as { tenant_id: string } | undefined;
    if (!first) throw new UnauthenticatedError('This account belongs to no tenant that is in use.');
    return first.tenant_id;
  }

  async function verifyExternalToken(token: string): Promise<Viewer> {
    const { issuer, subject, tenantId, expiresAt } = await external.verify(token);
    if (tenantId !== undefined && !isUuid(tenantId)) throw new InvalidTokenError();
    const { rows } = await runWithContext({}, () =>
      database.query({ text: 'SELECT user_id FROM app.find_identity($1, $2)', values: [issuer, subject] }),
    );
    const known = rows[0] as { user_id: string } | undefined;
    if (!known) throw new UnauthenticatedError('Nobody here is linked to this identity.');
    const userId = known.user_id;
    return admit({ userId, tenantId: tenantId ?? (await firstTenantOf(userId)), sessionId: undefined }, expiresAt);
  }

  return {
    async verify(credential) {
      if (looksLikeApiKey(credential)) return verifyApiKey(credential);
      if (credential.length > MAX_CREDENTIAL_LENGTH) throw new InvalidTokenError();
      if (external.trusts(decodeUnverified(credential).issuer)) return verifyExternalToken(credential);
      const claims = await tokens.verify(credential);
      return admit(claims, claims.expiresAt);
    },

    async revalidate(viewer) {
      const { tenantId, userId, apiKeyId, sessionId, expiresAt } = viewer;
      if ((expiresAt && expiresAt.getTime() <= Date.now()) || !userId) return false;
      const answer = apiKeyId
        ? await revalidations.getOrLoad(`key ${tenantId} ${apiKeyId}`, () =>
            findApiKeyGrantById(database, { tenantId, apiKeyId }),
          )
        : await revalidations.getOrLoad(`person ${tenantId} ${userId} ${sessionId}`, () =>
            findMembershipGrant(database, { tenantId, userId, sessionId }),
          );
      if (!('standing' in answer)) return false;
      const { role, permissions, expiresAt: ends } = answer.standing;
      // OWNER and ADMIN have the same rights and not the same power: another role is another viewer.
      if (role !== viewer.role || (ends && ends.getTime() <= Date.now())) return false;
      return [...viewer.permissions].every((right) => permissions.has(right));
    },

    evict(target) {
      answers.evict(target);
      revalidations.evict(target);
    },

    async issueSession({ userId, tenantId, role, sessionId = newId() }) {
      const refreshToken = newSecret('ab_refresh');
      await prisma.refreshToken.create({
        data: {
          id: newId(),
          tenantId,
          userId,
          family: sessionId,
          tokenHash: hashSecret(refreshToken),
          expiresAt: new Date(Date.now() + options.refreshTokenTtlSeconds * 1000),
        },
      });
      const { token, expiresAt } = await tokens.sign({ userId, tenantId, role, sessionId });
      return { sessionId, accessToken: token, refreshToken, expiresAt };
    },

    verifyExternal: (token) => external.verify(token),
    hashApiKey: (secret) => hashApiKey(secret, apiKeyPepper),
    signInLimiter: options.signInLimiter,
    jwks: () => keyring.publicKeys(),
    flush: () => usage.flush(),
    close: () => usage.close(),
  };
}

/** Forgets what is remembered once the running transaction has committed. */
export function evictAfterCommit(auth: Auth, target: Subject): void {
  afterCommit(() => auth.evict(target));
}

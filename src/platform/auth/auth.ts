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
  /** The `iss` of the tokens of this server. */
  issuer: string;
  /** The `aud` of the tokens of this server. */
  audience: string;
  /** The key of the HMAC that hashes API keys. A changed pepper invalidates every key. */
  apiKeyPepper: string;
  oidcIssuers: readonly OidcIssuer[];
  /** 1 to 900. */
  accessTokenTtlSeconds: number;
  refreshTokenTtlSeconds: number;
  signInLimiter: SignInLimiter;
  log: Logger;
}

/** The tokens of a session. */
export interface Session {
  sessionId: string;
  accessToken: string;
  refreshToken: string;
  /** Time when the access token expires. */
  expiresAt: Date;
}

export interface NewSession {
  userId: string;
  tenantId: string;
  role: Role;
  /** The session to continue. @default a new one */
  sessionId?: string;
}

export interface Auth {
  /**
   * The viewer that a credential authenticates: a JWT of this server or of a trusted issuer, or an API key.
   * Throws UnauthenticatedError for an invalid credential, ForbiddenError for one whose user, membership or tenant is not active.
   */
  verify(credential: string): Promise<Viewer>;
  /**
   * Whether the credential of a viewer is still valid with all of its permissions. For long-lived work such as subscriptions. Queries
   * the database at most once a second for each credential.
   */
  revalidate(viewer: Viewer): Promise<boolean>;
  /** Evicts cached lookups of a user, tenant or key that changed. The caches of other processes expire within 3 seconds. */
  evict(target: Subject): void;
  /** Opens or continues a session in the running transaction, which must act as the user in the tenant. */
  issueSession(session: NewSession): Promise<Session>;
  /** The identity in a token of a trusted issuer. It need not be linked to a user. */
  verifyExternal(token: string): Promise<ExternalIdentity>;
  hashApiKey(secret: string): string;
  readonly signInLimiter: SignInLimiter;
  /** The public keys that verify the tokens of this server. */
  jwks(): Promise<JSONWebKeySet>;
  /** Writes the usage of API keys that is counted in memory. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

const LOOKUP_TTL_MS = 3_000;
const REVALIDATION_MS = 1_000;
const MAX_CREDENTIAL_LENGTH = 8_192;

function subjectOf(result: LookupResult): Subject | undefined {
  return 'grant' in result ? result.grant : result.denial.subject;
}

export async function createAuth(options: AuthOptions): Promise<Auth> {
  const { database, prisma, keyring, apiKeyPepper } = options;
  const tokens = createAccessTokens({ ...options, ttlSeconds: options.accessTokenTtlSeconds });
  const external = createExternalIssuers(options.oidcIssuers);
  if (external.trusts(options.issuer))
    throw new Error(`the external issuer ${options.issuer} is this server's own issuer: remove it from the trusted issuers`);
  const usage = new ApiKeyUsage(database, options.log);
  const lookups = new LookupCache<LookupResult>(LOOKUP_TTL_MS, subjectOf);
  const revalidations = new LookupCache<LookupResult>(REVALIDATION_MS, subjectOf);

  async function verifyApiKey(secret: string): Promise<Viewer> {
    if (!isWellFormedApiKey(secret)) throw new UnauthenticatedError('The API key is not valid.');
    const hash = hashApiKey(secret, apiKeyPepper);
    const grant = requireGrant(await lookups.getOrLoad(`key ${hash}`, () => findApiKeyGrant(database, hash)));
    if (grant.expiresAt && grant.expiresAt.getTime() <= Date.now()) throw new UnauthenticatedError('The API key has expired.');
    usage.count(grant.tenantId, grant.apiKeyId ?? '');
    return grant;
  }

  async function viewerOf(
    session: { userId: string; tenantId: string; sessionId: string | undefined },
    expiresAt: Date,
  ): Promise<Viewer> {
    const key = `user ${session.tenantId} ${session.userId} ${session.sessionId}`;
    const grant = requireGrant(await lookups.getOrLoad(key, () => findMembershipGrant(database, session)));
    return { ...grant, sessionId: session.sessionId, expiresAt };
  }

  async function firstTenantOf(userId: string): Promise<string> {
    const { rows } = await runWithContext({ userId }, () => database.query('SELECT tenant_id FROM app.my_tenants() LIMIT 1'));
    const first = rows[0] as { tenant_id: string } | undefined;
    if (!first) throw new UnauthenticatedError('This account is not a member of an active tenant.');
    return first.tenant_id;
  }

  async function verifyExternalToken(token: string): Promise<Viewer> {
    const { issuer, subject, tenantId, expiresAt } = await external.verify(token);
    if (tenantId !== undefined && !isUuid(tenantId)) throw new InvalidTokenError();
    const { rows } = await runWithContext({}, () =>
      database.query({ text: 'SELECT user_id FROM app.find_identity($1, $2)', values: [issuer, subject] }),
    );
    const linked = rows[0] as { user_id: string } | undefined;
    if (!linked) throw new UnauthenticatedError('No account is linked to this identity.');
    const userId = linked.user_id;
    return viewerOf({ userId, tenantId: tenantId ?? (await firstTenantOf(userId)), sessionId: undefined }, expiresAt);
  }

  return {
    async verify(credential) {
      if (looksLikeApiKey(credential)) return verifyApiKey(credential);
      if (credential.length > MAX_CREDENTIAL_LENGTH) throw new InvalidTokenError();
      if (external.trusts(decodeUnverified(credential).issuer)) return verifyExternalToken(credential);
      const claims = await tokens.verify(credential);
      return viewerOf(claims, claims.expiresAt);
    },

    async revalidate(viewer) {
      const { tenantId, userId, apiKeyId, sessionId, expiresAt } = viewer;
      if ((expiresAt && expiresAt.getTime() <= Date.now()) || !userId) return false;
      const result = apiKeyId
        ? await revalidations.getOrLoad(`key ${tenantId} ${apiKeyId}`, () =>
            findApiKeyGrantById(database, { tenantId, apiKeyId }),
          )
        : await revalidations.getOrLoad(`user ${tenantId} ${userId} ${sessionId}`, () =>
            findMembershipGrant(database, { tenantId, userId, sessionId }),
          );
      if (!('grant' in result)) return false;
      const { role, permissions, expiresAt: ends } = result.grant;
      // OWNER and ADMIN have the same permissions, but only an OWNER manages owners: a viewer with another role is another viewer.
      if (role !== viewer.role || (ends && ends.getTime() <= Date.now())) return false;
      return [...viewer.permissions].every((permission) => permissions.has(permission));
    },

    evict(target) {
      lookups.evict(target);
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

/** Evicts cached lookups once the running transaction has committed. */
export function evictAfterCommit(auth: Auth, target: Subject): void {
  afterCommit(() => auth.evict(target));
}

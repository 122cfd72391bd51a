import { ForbiddenError, UnauthenticatedError } from '../lib/errors.ts';
import type { Database } from '../postgres/database.ts';
import { runWithContext } from '../postgres/request-scope.ts';
import { queryRows, sql } from '../postgres/sql.ts';
import type { Subject } from './lookup-cache.ts';
import { type Permission, permissionsOf, permissionsOfScope, type Role } from './permissions.ts';
import type { RightsHolder } from './rights.ts';

/** The current rights of a valid credential, read from the database. */
export interface CredentialGrant {
  tenantId: string;
  userId: string;
  apiKeyId: string | undefined;
  role: Role;
  permissions: ReadonlySet<Permission>;
  /** When an API key expires. Undefined for a member, whose access token carries the time. */
  expiresAt: Date | undefined;
}

/** The grant of a credential, or why it has none. */
export type LookupResult = { grant: CredentialGrant } | { denial: Denial };

interface Denial {
  kind: 'unauthenticated' | 'forbidden';
  message: string;
  /** The subject of the credential. Undefined for an unknown credential: there are too many possible ones to cache. */
  subject?: Subject;
}

export function requireGrant(result: LookupResult): CredentialGrant {
  if ('grant' in result) return result.grant;
  const { kind, message } = result.denial;
  throw kind === 'forbidden' ? new ForbiddenError(message) : new UnauthenticatedError(message);
}

const forbidden = (message: string, subject: Subject): { denial: Denial } => ({
  denial: { kind: 'forbidden', message, subject },
});
const unauthenticated = (message: string, subject?: Subject): { denial: Denial } => ({
  denial: { kind: 'unauthenticated', message, ...(subject ? { subject } : {}) },
});

interface MembershipRow {
  role: Role | null;
  permissions: string[] | null;
  membershipStatus: string | null;
  userStatus: string | null;
  tenantStatus: string | null;
}

function denialOf(row: MembershipRow, subject: Subject): { denial: Denial } | undefined {
  if (row.tenantStatus !== 'ACTIVE') return forbidden('This tenant is not active.', subject);
  if (row.role === null) return forbidden('This account is not a member of this tenant.', subject);
  if (row.userStatus !== 'ACTIVE') return forbidden('This account is disabled.', subject);
  if (row.membershipStatus !== 'ACTIVE') return forbidden('This membership is suspended.', subject);
  return undefined;
}

/** The permissions of a member. For an API key, those of its owner that its scopes contain. */
function permissionsOfMember(row: MembershipRow, keyScopes?: readonly string[]): ReadonlySet<Permission> {
  const owned = permissionsOf(row.role ?? 'VIEWER', row.permissions ?? []);
  if (!keyScopes) return owned;
  const scoped = keyScopes.flatMap(permissionsOfScope);
  return new Set(scoped.filter((permission) => owned.has(permission)));
}

/** The grant of a member. Unauthenticated if the session of the token has ended. */
export async function findMembershipGrant(
  database: Database,
  subject: { userId: string; tenantId: string; sessionId: string | undefined },
): Promise<LookupResult> {
  const { userId, tenantId, sessionId = null } = subject;
  const [row] = await runWithContext({ tenantId, userId }, () =>
    queryRows<MembershipRow & { sessionOpen: boolean }>(
      database,
      sql`SELECT m.role, m.permissions, m.membership_status, m.user_status, m.tenant_status,
          ${sessionId}::uuid IS NULL OR EXISTS (
            SELECT FROM refresh_tokens r
            WHERE r.tenant_id = ${tenantId} AND r.family = ${sessionId} AND r.user_id = ${userId} AND r.revoked_at IS NULL
          ) AS session_open
        FROM app.find_membership(${userId}, ${tenantId}) m`,
    ),
  );
  if (!row) return forbidden('This account is not a member of this tenant.', { tenantId, userId });
  const denial = denialOf(row, { tenantId, userId });
  if (denial) return denial;
  if (!row.sessionOpen) return unauthenticated('This session has ended. Sign in again.', { tenantId, userId });
  const role = row.role ?? 'VIEWER';
  const permissions = permissionsOfMember(row);
  return { grant: { tenantId, userId, apiKeyId: undefined, role, permissions, expiresAt: undefined } };
}

interface ApiKeyRow extends MembershipRow {
  apiKeyId: string;
  tenantId: string;
  userId: string | null;
  scopes: string[];
  status: string;
  expiresAt: Date | null;
}

function apiKeyResult(row: ApiKeyRow | undefined): LookupResult {
  if (!row) return unauthenticated('The API key is not valid.');
  const { tenantId, userId, apiKeyId } = row;
  const subject = { tenantId, userId: userId ?? undefined, apiKeyId };
  if (row.status === 'REVOKED') return unauthenticated('The API key has been revoked.', subject);
  if (row.status !== 'ACTIVE' || (row.expiresAt && row.expiresAt.getTime() <= Date.now())) {
    return unauthenticated('The API key has expired.', subject);
  }
  if (userId === null) return forbidden('The owner of the API key has left the tenant.', subject);
  const denial = denialOf(row, subject);
  if (denial) return denial;
  const role = row.role ?? 'VIEWER';
  return {
    grant: {
      tenantId,
      userId,
      apiKeyId,
      role,
      permissions: permissionsOfMember(row, row.scopes),
      expiresAt: row.expiresAt ?? undefined,
    },
  };
}

export async function findApiKeyGrant(database: Database, hash: string): Promise<LookupResult> {
  const [row] = await runWithContext({}, () =>
    queryRows<ApiKeyRow>(
      database,
      sql`SELECT api_key_id, tenant_id, user_id, scopes, status, expires_at, tenant_status, owner_role AS role,
          owner_permissions AS permissions, owner_membership_status AS membership_status, owner_status AS user_status
        FROM app.find_api_key(${hash})`,
    ),
  );
  return apiKeyResult(row);
}

/** The same for a key whose secret was verified before. */
export async function findApiKeyGrantById(
  database: Database,
  subject: { tenantId: string; apiKeyId: string },
): Promise<LookupResult> {
  const { tenantId, apiKeyId } = subject;
  const [row] = await runWithContext({ tenantId }, () =>
    queryRows<ApiKeyRow>(
      database,
      sql`SELECT k.id AS api_key_id, k.tenant_id, k.user_id, k.scopes, k.status, k.expires_at,
          t.status AS tenant_status, m.role, m.permissions, m.membership_status, m.user_status
        FROM api_keys k
        JOIN tenants t ON t.id = k.tenant_id
        LEFT JOIN LATERAL app.find_membership(k.user_id, k.tenant_id) m ON true
        WHERE k.tenant_id = ${tenantId} AND k.id = ${apiKeyId}`,
    ),
  );
  return apiKeyResult(row);
}

/**
 * The current rights of a member, or of an API key of theirs, on whose behalf something acts that they made earlier: a run, an invitation.
 * Undefined if the member has lost access or the API key was revoked. An API key that has expired since then still lets its work finish.
 * Joins the transaction of the current context.
 */
export async function findDelegator(
  database: Database,
  subject: { tenantId: string; userId: string | null; apiKeyId: string | null },
): Promise<RightsHolder | undefined> {
  const { tenantId, userId, apiKeyId } = subject;
  const [row] = await queryRows<MembershipRow & { keyScopes: string[] | null }>(
    database,
    sql`SELECT m.role, m.permissions, m.membership_status, m.user_status, m.tenant_status, k.scopes AS key_scopes
      FROM app.find_membership(${userId}::uuid, ${tenantId}::uuid) m
      LEFT JOIN api_keys k ON k.tenant_id = ${tenantId}::uuid AND k.id = ${apiKeyId}::uuid AND k.status <> 'REVOKED'`,
  );
  if (!row?.role || denialOf(row, {})) return undefined;
  return { role: row.role, permissions: permissionsOfMember(row, apiKeyId === null ? undefined : (row.keyScopes ?? [])) };
}

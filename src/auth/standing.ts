import { type DbContext, runWithContext } from '../db/context.ts';
import type { Database } from '../db/database.ts';
import { ForbiddenError, UnauthenticatedError } from '../lib/errors.ts';
import { type Permission, permissionsOf, permissionsOfScope, type Role } from './permissions.ts';

/** What a credential lets its holder do at this moment, as the database says. */
export interface Standing {
  tenantId: string;
  userId: string;
  apiKeyId: string | undefined;
  role: Role;
  permissions: ReadonlySet<Permission>;
  /** When the credential ends by itself; for a person's token the token says it. */
  expiresAt: Date | undefined;
}

/** Or why it lets them do nothing. */
export type Answer = { standing: Standing } | { refusal: { kind: 'unauthenticated' | 'forbidden'; message: string } };

export function standingOf(answer: Answer): Standing {
  if ('standing' in answer) return answer.standing;
  const { kind, message } = answer.refusal;
  throw kind === 'forbidden' ? new ForbiddenError(message) : new UnauthenticatedError(message);
}

const forbidden = (message: string): Answer => ({ refusal: { kind: 'forbidden', message } });
const unauthenticated = (message: string): Answer => ({ refusal: { kind: 'unauthenticated', message } });

interface MembershipRow {
  role: Role | null;
  permissions: string[] | null;
  membership_status: string | null;
  user_status: string | null;
  tenant_status: string | null;
}

function refusalOf(row: MembershipRow): Answer | undefined {
  if (row.tenant_status !== 'ACTIVE') return forbidden('This tenant is not in use.');
  if (row.role === null) return forbidden('This account is not a member of this tenant.');
  if (row.user_status !== 'ACTIVE') return forbidden('This account is not in use.');
  if (row.membership_status !== 'ACTIVE') return forbidden('This membership is suspended.');
  return undefined;
}

/** Prepared once a connection, unless a pooler gives each statement another one. */
async function look(database: Database, context: DbContext, name: string, text: string, values: unknown[]): Promise<unknown> {
  const query = { text, values, ...(database.preparedStatements ? { name } : {}) };
  const { rows } = await runWithContext(context, () => database.query(query));
  return rows[0];
}

const MEMBERSHIP_SQL = `
  SELECT m.role, m.permissions, m.membership_status, m.user_status, m.tenant_status,
    $3::uuid IS NULL OR EXISTS (
      SELECT FROM refresh_tokens r WHERE r.tenant_id = $2 AND r.family = $3 AND r.user_id = $1 AND r.revoked_at IS NULL
    ) AS session_open
  FROM app.find_membership($1, $2) m`;

/** A person in a tenant, and whether the sign-in of their token still stands. */
export async function lookUpMember(
  database: Database,
  who: { userId: string; tenantId: string; sessionId: string | undefined },
): Promise<Answer> {
  const { userId, tenantId, sessionId } = who;
  const values = [userId, tenantId, sessionId ?? null];
  const row = (await look(database, { tenantId, userId }, 'auth_member', MEMBERSHIP_SQL, values)) as
    | (MembershipRow & { session_open: boolean })
    | undefined;
  if (!row) return forbidden('This account is not a member of this tenant.');
  const refusal = refusalOf(row);
  if (refusal) return refusal;
  if (!row.session_open) return unauthenticated('This session has ended. Sign in again.');
  const role = row.role ?? 'VIEWER';
  const permissions = permissionsOf(role, row.permissions ?? []);
  return { standing: { tenantId, userId, apiKeyId: undefined, role, permissions, expiresAt: undefined } };
}

interface ApiKeyRow extends MembershipRow {
  api_key_id: string;
  tenant_id: string;
  user_id: string | null;
  scopes: string[];
  status: string;
  expires_at: Date | null;
}

function answerForKey(row: ApiKeyRow | undefined): Answer {
  if (!row) return unauthenticated('The API key is not valid.');
  if (row.status === 'REVOKED') return unauthenticated('The API key has been revoked.');
  if (row.status !== 'ACTIVE' || (row.expires_at && row.expires_at.getTime() <= Date.now())) {
    return unauthenticated('The API key has expired.');
  }
  if (row.user_id === null) return forbidden('The API key has no owner any more.');
  const refusal = refusalOf(row);
  if (refusal) return refusal;
  const role = row.role ?? 'VIEWER';
  const owned = permissionsOf(role, row.permissions ?? []);
  const scoped = row.scopes.flatMap(permissionsOfScope);
  return {
    standing: {
      tenantId: row.tenant_id,
      userId: row.user_id,
      apiKeyId: row.api_key_id,
      role,
      permissions: new Set(scoped.filter((permission) => owned.has(permission))),
      expiresAt: row.expires_at ?? undefined,
    },
  };
}

const API_KEY_BY_HASH_SQL = `
  SELECT api_key_id, tenant_id, user_id, scopes, status, expires_at, tenant_status, owner_role AS role,
    owner_permissions AS permissions, owner_membership_status AS membership_status, owner_status AS user_status
  FROM app.find_api_key($1)`;

export async function lookUpApiKey(database: Database, hash: string): Promise<Answer> {
  return answerForKey((await look(database, {}, 'auth_api_key', API_KEY_BY_HASH_SQL, [hash])) as ApiKeyRow | undefined);
}

const API_KEY_BY_ID_SQL = `
  SELECT k.id AS api_key_id, k.tenant_id, k.user_id, k.scopes, k.status, k.expires_at,
    t.status AS tenant_status, m.role, m.permissions, m.membership_status, m.user_status
  FROM api_keys k
  JOIN tenants t ON t.id = k.tenant_id
  LEFT JOIN LATERAL app.find_membership(k.user_id, k.tenant_id) m ON true
  WHERE k.tenant_id = $1 AND k.id = $2`;

/** The same for a key that was verified before, without its secret. */
export async function lookUpApiKeyById(database: Database, who: { tenantId: string; apiKeyId: string }): Promise<Answer> {
  const values = [who.tenantId, who.apiKeyId];
  const row = await look(database, { tenantId: who.tenantId }, 'auth_api_key_by_id', API_KEY_BY_ID_SQL, values);
  return answerForKey(row as ApiKeyRow | undefined);
}

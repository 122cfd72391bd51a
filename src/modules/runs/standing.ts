import { type Permission, permissionsOf, permissionsOfScope, type Role } from '../../auth/permissions.ts';
import { rows, sql } from '../../db/sql.ts';
import type { AgentRun } from '../../generated/prisma/client.ts';
import type { RunControls } from './services.ts';

interface Standing {
  role: Role | null;
  permissions: string[] | null;
  inUse: boolean | null;
  keyScopes: string[] | null;
}

const RIGHT: Permission = 'agent:execute';

/**
 * Why a run may not be carried out any more, though it might when it was asked for. Asked before every step: a run may wait for people
 * for days. An API key that has come to its end in the meantime lets finish what it began, one that was revoked does not.
 */
export async function lostRight(
  { database }: Pick<RunControls, 'database'>,
  { tenantId, userId, apiKeyId }: Pick<AgentRun, 'tenantId' | 'userId' | 'apiKeyId'>,
): Promise<{ code: string; message: string } | undefined> {
  const [standing] = await rows<Standing>(
    database,
    sql`SELECT m.role, m.permissions, k.scopes AS key_scopes,
        m.tenant_status = 'ACTIVE' AND m.user_status = 'ACTIVE' AND m.membership_status = 'ACTIVE' AS in_use
      FROM app.find_membership(${userId}::uuid, ${tenantId}::uuid) m
      LEFT JOIN api_keys k ON k.tenant_id = ${tenantId}::uuid AND k.id = ${apiKeyId}::uuid AND k.status <> 'REVOKED'`,
  );
  if (standing && mayExecute(standing, apiKeyId !== null)) return undefined;
  return {
    code: 'NOT_ALLOWED',
    message: 'Whoever asked for the run may not do so any more: they have left or lost the right, or their API key was revoked.',
  };
}

function mayExecute({ role, permissions, inUse, keyScopes }: Standing, byKey: boolean): boolean {
  if (!inUse || role === null || !permissionsOf(role, permissions ?? []).has(RIGHT)) return false;
  return !byKey || (keyScopes ?? []).some((scope) => permissionsOfScope(scope).includes(RIGHT));
}

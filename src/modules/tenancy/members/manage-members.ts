import type { MembershipStatus } from '../../../generated/prisma/client.ts';
import { evictAfterCommit } from '../../../platform/auth/auth.ts';
import { type Permission, permissionsOf, type Role, roleRank } from '../../../platform/auth/permissions.ts';
import type { Viewer } from '../../../platform/auth/viewer.ts';
import type { RowOf } from '../../../platform/graphql/kit/entity/model-columns.ts';
import { ForbiddenError, NotFoundError, ValidationError } from '../../../platform/lib/errors.ts';
import type { Prisma } from '../../../platform/postgres/prisma.ts';
import { tenantKey } from '../../../platform/postgres/request-scope.ts';
import { queryRows, sql } from '../../../platform/postgres/sql.ts';
import { requireUser, type TenancyServices } from '../services.ts';

interface LockedMembership {
  id: string;
  userId: string;
  role: Role;
  permissions: string[];
  status: MembershipStatus;
}

/** Locks the row until the transaction ends, so that the checked values are those that the update replaces. */
async function lockMembership({ database }: TenancyServices, viewer: Viewer, id: string): Promise<LockedMembership> {
  const [membership] = await queryRows<LockedMembership>(
    database,
    sql`SELECT id, user_id, role, permissions, status FROM memberships
      WHERE tenant_id = ${viewer.tenantId}::uuid AND id = ${id}::uuid FOR UPDATE`,
  );
  if (!membership) throw new NotFoundError('The member', { path: ['input', 'id'] });
  return membership;
}

export interface MemberChanges {
  role?: Role | undefined;
  status?: MembershipStatus | undefined;
  /** Permissions beyond the role. Replaces the previous list. */
  permissions?: Permission[] | undefined;
}

function checkChanges(viewer: Viewer, current: LockedMembership, { role, status, permissions }: MemberChanges): void {
  if ((current.role === 'OWNER' || role === 'OWNER') && viewer.role !== 'OWNER') {
    throw new ForbiddenError('Only an owner can change an owner or grant the role OWNER.');
  }
  if (Math.max(roleRank[current.role], roleRank[role ?? 'VIEWER']) > roleRank[viewer.role]) {
    throw new ForbiddenError('You cannot change or grant a role above your own.');
  }
  if (current.userId === viewer.userId) {
    if (role && roleRank[role] > roleRank[current.role]) throw new ForbiddenError('You cannot raise your own role.');
    if (permissions) throw new ForbiddenError('You cannot change your own permissions.');
    if (status === 'SUSPENDED')
      throw ValidationError.inputPath(['input', 'status'], 'You cannot suspend yourself. Leave the tenant instead.');
  }
  const missing = permissions?.find(
    (permission) => !viewer.permissions.has(permission) && !current.permissions.includes(permission),
  );
  if (missing) throw new ForbiddenError(`You cannot grant the permission ${missing}: you do not have it.`);
  const effective = role ?? current.role;
  const ineffective = permissions?.find((permission) => !permissionsOf(effective, [permission]).has(permission));
  if (ineffective) {
    const message = `The permission ${ineffective} has no effect for a ${effective}, who can only read. Omit it or change the role.`;
    throw ValidationError.inputPath(['input', 'permissions'], message);
  }
}

/** Changes the role, status or additional permissions of a member. */
export async function updateMember(
  services: TenancyServices,
  viewer: Viewer,
  id: string,
  changes: MemberChanges,
): Promise<RowOf<'Membership'>> {
  const current = await lockMembership(services, viewer, id);
  checkChanges(viewer, current, changes);
  evictAfterCommit(services.auth, { tenantId: viewer.tenantId, userId: current.userId });
  return services.prisma.membership.update({ where: tenantKey(id), data: changes });
}

/** Deletes a membership, which may be the viewer's own, and revokes the API keys of its user. */
export async function removeMember(
  services: TenancyServices,
  viewer: Viewer,
  id: string,
): Promise<{ membershipId: string; userId: string }> {
  requireUser(viewer);
  const { prisma, auth } = services;
  const { tenantId } = viewer;
  const { userId, role } = await lockMembership(services, viewer, id);
  if (userId !== viewer.userId) {
    if (!viewer.permissions.has('member:manage')) throw new ForbiddenError('You can only remove yourself.');
    if (role === 'OWNER' && viewer.role !== 'OWNER') throw new ForbiddenError('Only an owner can remove an owner.');
    if (roleRank[role] > roleRank[viewer.role])
      throw new ForbiddenError('You cannot remove a member with a role above your own.');
  }
  await revokeKeysOf(prisma, tenantId, userId);
  await prisma.membership.delete({ where: tenantKey(id), select: { id: true } });
  evictAfterCommit(auth, { tenantId, userId });
  return { membershipId: id, userId };
}

async function revokeKeysOf(prisma: Prisma, tenantId: string, userId: string): Promise<void> {
  await prisma.apiKey.updateMany({
    where: { tenantId, userId, status: 'ACTIVE' },
    data: { status: 'REVOKED', revokedAt: new Date() },
  });
}

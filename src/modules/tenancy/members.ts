import type { Membership, MembershipStatus } from '../../generated/prisma/client.ts';
import { evictAfterCommit } from '../../platform/auth/auth.ts';
import { type Permission, permissionsOf, type Role, roleRank } from '../../platform/auth/permissions.ts';
import type { Viewer } from '../../platform/auth/viewer.ts';
import { ForbiddenError, NotFoundError, ValidationError } from '../../platform/lib/errors.ts';
import type { Prisma } from '../../platform/postgres/prisma.ts';
import { queryRows, sql } from '../../platform/postgres/sql.ts';
import { tenantKey } from '../../platform/postgres/tenant-key.ts';
import { requireUser, type TenancyServices } from './services.ts';

interface Target {
  id: string;
  userId: string;
  role: Role;
  permissions: string[];
  status: MembershipStatus;
}

/** Reads the membership and holds it until the transaction ends, so that the rules are checked on what is changed. */
async function lockMembership({ database }: TenancyServices, viewer: Viewer, id: string): Promise<Target> {
  const [target] = await queryRows<Target>(
    database,
    sql`SELECT id, user_id, role, permissions, status FROM memberships
      WHERE tenant_id = ${viewer.tenantId}::uuid AND id = ${id}::uuid FOR UPDATE`,
  );
  if (!target) throw new NotFoundError('The member', { path: ['input', 'id'] });
  return target;
}

export interface MemberChanges {
  role?: Role | undefined;
  status?: MembershipStatus | undefined;
  /** Rights beyond the role, all of them. */
  permissions?: Permission[] | undefined;
}

function checkChanges(viewer: Viewer, target: Target, { role, status, permissions }: MemberChanges): void {
  if ((target.role === 'OWNER' || role === 'OWNER') && viewer.role !== 'OWNER') {
    throw new ForbiddenError('Only an owner can make, change or unmake an owner.');
  }
  if (Math.max(roleRank[target.role], roleRank[role ?? 'VIEWER']) > roleRank[viewer.role]) {
    throw new ForbiddenError('Nobody can make or change a role above their own.');
  }
  if (target.userId === viewer.userId) {
    if (role && roleRank[role] > roleRank[target.role]) throw new ForbiddenError('Nobody can raise their own role.');
    if (permissions) throw new ForbiddenError('Nobody can change their own rights.');
    if (status === 'SUSPENDED')
      throw ValidationError.inputPath(['input', 'status'], 'You cannot suspend yourself. Leave the tenant instead.');
  }
  const missing = permissions?.find(
    (permission) => !viewer.permissions.has(permission) && !target.permissions.includes(permission),
  );
  if (missing) throw new ForbiddenError(`You cannot give the right ${missing}, which you do not have.`);
  const effective = role ?? target.role;
  const idle = permissions?.find((permission) => !permissionsOf(effective, [permission]).has(permission));
  if (idle) throw ValidationError.inputPath(['input', 'permissions'], `A ${effective} cannot have the right ${idle}: it writes.`);
}

/** Changes role, status or extra rights of a member. */
export async function updateMember(
  services: TenancyServices,
  viewer: Viewer,
  id: string,
  changes: MemberChanges,
): Promise<Membership> {
  const target = await lockMembership(services, viewer, id);
  checkChanges(viewer, target, changes);
  evictAfterCommit(services.auth, { tenantId: viewer.tenantId, userId: target.userId });
  return services.prisma.membership.update({ where: tenantKey(id), data: changes });
}

/**
 * Takes a member out of the tenant, or oneself. Their API keys are revoked with it.
 * @returns whose membership ended
 */
export async function removeMember(
  services: TenancyServices,
  viewer: Viewer,
  id: string,
): Promise<{ membershipId: string; userId: string }> {
  requireUser(viewer);
  const { prisma, auth } = services;
  const { tenantId } = viewer;
  const { userId, role } = await lockMembership(services, viewer, id);
  const leaves = userId === viewer.userId;
  if (!leaves && !viewer.permissions.has('member:manage')) throw new ForbiddenError('You can only remove yourself.');
  if (!leaves && role === 'OWNER' && viewer.role !== 'OWNER') throw new ForbiddenError('Only an owner can remove an owner.');
  if (!leaves && roleRank[role] > roleRank[viewer.role]) throw new ForbiddenError('Nobody can remove a role above their own.');
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

import type { MembershipStatus } from '../../../generated/prisma/client.ts';
import { evictAfterCommit } from '../../../platform/auth/auth.ts';
import { type Permission, permissionsOf, type Role } from '../../../platform/auth/permissions.ts';
import { requireRights } from '../../../platform/auth/rights.ts';
import type { Viewer } from '../../../platform/auth/viewer.ts';
import type { RowOf } from '../../../platform/graphql/kit/entity/model-columns.ts';
import { ForbiddenError, NotFoundError, ValidationError } from '../../../platform/lib/errors.ts';
import type { Prisma } from '../../../platform/postgres/prisma.ts';
import { tenantKey } from '../../../platform/postgres/request-scope.ts';
import { queryRows, sql } from '../../../platform/postgres/sql.ts';
import { requireUser, type TenancyServices } from '../services.ts';
import { revokeInvitationsOf } from './manage-invitations.ts';

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
  requireRights(viewer, current, 'change this member');
  requireRights(viewer, { role, permissions }, 'grant this');
  if (current.userId === viewer.userId) {
    if (permissions) throw new ForbiddenError('You cannot change your own permissions.');
    if (status === 'SUSPENDED')
      throw ValidationError.inputPath(['input', 'status'], 'You cannot suspend yourself. Leave the tenant instead.');
  }
  const effective = role ?? current.role;
  const ineffective = permissions?.find((permission) => !permissionsOf(effective, [permission]).has(permission));
  if (ineffective) {
    const message = `The permission ${ineffective} has no effect for a ${effective}, who can only read. Omit it or change the role.`;
    throw ValidationError.inputPath(['input', 'permissions'], message);
  }
}

/** Changes the role, status or additional permissions of a member, and revokes invitations that the member could not make any more. */
export async function updateMember(
  services: TenancyServices,
  viewer: Viewer,
  id: string,
  changes: MemberChanges,
): Promise<RowOf<'Membership'>> {
  const current = await lockMembership(services, viewer, id);
  checkChanges(viewer, current, changes);
  const { prisma, auth } = services;
  evictAfterCommit(auth, { tenantId: viewer.tenantId, userId: current.userId });
  const member = await prisma.membership.update({ where: tenantKey(id), data: changes });
  const { userId, role, status } = member;
  const now = { role, permissions: permissionsOf(role, member.permissions as string[]) };
  await revokeInvitationsOf(prisma, userId, status === 'ACTIVE' ? now : undefined);
  return member;
}

/** Deletes a membership, which may be the viewer's own, and revokes the API keys and open invitations of its user. */
export async function removeMember(
  services: TenancyServices,
  viewer: Viewer,
  id: string,
): Promise<{ membershipId: string; userId: string }> {
  requireUser(viewer);
  const { prisma, auth } = services;
  const { tenantId } = viewer;
  const member = await lockMembership(services, viewer, id);
  const { userId } = member;
  if (userId !== viewer.userId) {
    if (!viewer.permissions.has('member:manage')) throw new ForbiddenError('You can only remove yourself.');
    requireRights(viewer, member, 'remove this member');
  }
  await revokeKeysOf(prisma, tenantId, userId);
  await revokeInvitationsOf(prisma, userId, undefined);
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

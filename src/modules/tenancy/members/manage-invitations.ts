import { findDelegator } from '../../../platform/auth/credential-lookup.ts';
import { type Permission, type Role, roles } from '../../../platform/auth/permissions.ts';
import { missingRight, type RightsHolder, requireRights } from '../../../platform/auth/rights.ts';
import { hashSecret, newSecret } from '../../../platform/auth/secrets.ts';
import type { Viewer } from '../../../platform/auth/viewer.ts';
import type { RowOf } from '../../../platform/graphql/kit/entity/model-columns.ts';
import { ConflictError, InvalidStateError } from '../../../platform/lib/errors.ts';
import { newId } from '../../../platform/lib/ids.ts';
import { requireFound } from '../../../platform/lib/require-found.ts';
import type { Prisma } from '../../../platform/postgres/prisma.ts';
import type { TenancyServices } from '../services.ts';
import { rightsOfMember } from './membership.ts';

const DAY_MS = 86_400_000;

export interface InviteInput {
  email: string;
  role: Role;
  /** 1 to 30. @default 7 */
  expiresInDays?: number | undefined;
}

/**
 * Creates an invitation and returns its token, of which the database stores a hash. Revokes an earlier open invitation of the same
 * address. The server sends no e-mail: the caller delivers the token.
 */
export async function inviteMember(
  services: TenancyServices,
  viewer: Viewer,
  { email, role, expiresInDays = 7 }: InviteInput,
): Promise<{ invitation: RowOf<'Invitation'>; token: string }> {
  requireRights(viewer, { role }, `invite to the role ${role}`);
  const { prisma } = services;
  const { tenantId } = viewer;
  const member = await prisma.membership.findFirst({ where: { user: { email } }, select: { id: true } });
  if (member) throw new ConflictError('A user with this e-mail address is already a member.', { path: ['input', 'email'] });
  const replaced = { tenantId, email, acceptedAt: null, revokedAt: null };
  for (const open of await prisma.invitation.findMany({ where: { ...replaced, expiresAt: { gt: new Date() } } })) {
    await requireRightsOver(services, viewer, open, 'replace the open invitation of this address');
  }
  await prisma.invitation.updateMany({ where: replaced, data: { revokedAt: new Date() } });
  const token = newSecret('ab_invite');
  const invitation = await prisma.invitation.create({
    data: {
      tenantId,
      id: newId(),
      email,
      role,
      tokenHash: hashSecret(token),
      expiresAt: new Date(Date.now() + expiresInDays * DAY_MS),
      invitedById: viewer.userId,
    },
  });
  return { invitation, token };
}

export async function revokeInvitation(services: TenancyServices, viewer: Viewer, id: string): Promise<RowOf<'Invitation'>> {
  const { prisma } = services;
  const read = () => requireFound(prisma.invitation.findFirst({ where: { id } }), 'The invitation', ['input', 'id']);
  await requireRightsOver(services, viewer, await read(), 'revoke this invitation');
  const { count } = await prisma.invitation.updateMany({
    where: { tenantId: viewer.tenantId, id, acceptedAt: null, revokedAt: null },
    data: { revokedAt: new Date() },
  });
  if (count === 0) {
    throw new InvalidStateError('The invitation is not open: it was accepted or revoked.', { path: ['input', 'id'] });
  }
  return read();
}

/** Throws ForbiddenError unless the viewer has the rights that the invitation hands on and those of the member who made it. */
async function requireRightsOver(
  { database }: TenancyServices,
  viewer: Viewer,
  { role, invitedById }: RowOf<'Invitation'>,
  act: string,
): Promise<void> {
  requireRights(viewer, { role }, act);
  if (invitedById !== viewer.userId) requireRights(viewer, await rightsOfMember(database, invitedById), act);
}

const INVITING: Permission = 'member:manage';

/** Whether a member may invite to a role. */
function mayInvite(inviter: RightsHolder | undefined, role: Role): boolean {
  return inviter !== undefined && missingRight(inviter, { role, permissions: [INVITING] }) === undefined;
}

/** Whether the member who made an invitation may still invite to its role. */
export async function isInvitationValid(
  { database }: TenancyServices,
  { tenantId, role, invitedById }: Pick<RowOf<'Invitation'>, 'tenantId' | 'role' | 'invitedById'>,
): Promise<boolean> {
  return mayInvite(await findDelegator(database, { tenantId, userId: invitedById, apiKeyId: null }), role);
}

/**
 * Revokes the open invitations that a member could not make any more.
 * @param inviter the rights that the member has from now on
 */
export async function revokeInvitationsOf(prisma: Prisma, userId: string, inviter: RightsHolder | undefined): Promise<void> {
  const lost = roles.filter((role) => !mayInvite(inviter, role));
  if (lost.length === 0) return;
  await prisma.invitation.updateMany({
    where: { invitedById: userId, role: { in: lost }, acceptedAt: null, revokedAt: null },
    data: { revokedAt: new Date() },
  });
}

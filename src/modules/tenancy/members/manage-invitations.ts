import { type Role, roleRank } from '../../../platform/auth/permissions.ts';
import { hashSecret, newSecret } from '../../../platform/auth/secrets.ts';
import type { Viewer } from '../../../platform/auth/viewer.ts';
import type { RowOf } from '../../../platform/graphql/kit/entity/model-columns.ts';
import { ConflictError, ForbiddenError, InvalidStateError } from '../../../platform/lib/errors.ts';
import { newId } from '../../../platform/lib/ids.ts';
import { requireFound } from '../../../platform/lib/require-found.ts';
import type { TenancyServices } from '../services.ts';

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
  { prisma }: TenancyServices,
  viewer: Viewer,
  { email, role, expiresInDays = 7 }: InviteInput,
): Promise<{ invitation: RowOf<'Invitation'>; token: string }> {
  if (role === 'OWNER' && viewer.role !== 'OWNER') throw new ForbiddenError('Only an owner can invite an owner.');
  if (roleRank[role] > roleRank[viewer.role]) throw new ForbiddenError('You cannot invite to a role above your own.');
  const { tenantId } = viewer;
  const member = await prisma.membership.findFirst({ where: { user: { email } }, select: { id: true } });
  if (member) throw new ConflictError('A user with this e-mail address is already a member.', { path: ['input', 'email'] });
  await prisma.invitation.updateMany({
    where: { tenantId, email, acceptedAt: null, revokedAt: null },
    data: { revokedAt: new Date() },
  });
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

export async function revokeInvitation({ prisma }: TenancyServices, viewer: Viewer, id: string): Promise<RowOf<'Invitation'>> {
  const { count } = await prisma.invitation.updateMany({
    where: { tenantId: viewer.tenantId, id, acceptedAt: null, revokedAt: null },
    data: { revokedAt: new Date() },
  });
  const invitation = await requireFound(prisma.invitation.findFirst({ where: { id } }), 'The invitation', ['input', 'id']);
  if (count === 0) {
    throw new InvalidStateError('The invitation is not open: it was accepted or revoked.', { path: ['input', 'id'] });
  }
  return invitation;
}

import type { Invitation } from '../../generated/prisma/client.ts';
import { evictAfterCommit } from '../../platform/auth/auth.ts';
import { checkPassword, hashPassword } from '../../platform/auth/passwords.ts';
import { type Role, roleRank } from '../../platform/auth/permissions.ts';
import { hashSecret, newSecret } from '../../platform/auth/secrets.ts';
import type { Viewer } from '../../platform/auth/viewer.ts';
import {
  AuthenticationError,
  ConflictError,
  ForbiddenError,
  InvalidStateError,
  ValidationError,
} from '../../platform/lib/errors.ts';
import { newId } from '../../platform/lib/ids.ts';
import { requireFound } from '../../platform/lib/require-found.ts';
import { switchActor } from '../../platform/postgres/request-scope.ts';
import { queryRows, sql } from '../../platform/postgres/sql.ts';
import { verifyPasswordOrThrow } from './credentials.ts';
import type { TenancyServices } from './services.ts';
import { openSessionIn, type SignedIn } from './sessions.ts';

const DAY_MS = 86_400_000;

/** The hash of a token is not readable here. */
export type VisibleInvitation = Omit<Invitation, 'tokenHash'>;

export interface InviteInput {
  email: string;
  role: Role;
  /** 1 to 30. @default 7 */
  expiresInDays?: number | undefined;
}

/**
 * Invites somebody and returns the token, which is told this once. There is no mailer: the caller sends it on. An earlier open
 * invitation of the same address is withdrawn.
 */
export async function inviteMember(
  { prisma }: TenancyServices,
  viewer: Viewer,
  { email, role, expiresInDays = 7 }: InviteInput,
): Promise<{ invitation: VisibleInvitation; token: string }> {
  if (role === 'OWNER' && viewer.role !== 'OWNER') throw new ForbiddenError('Only an owner can invite an owner.');
  if (roleRank[role] > roleRank[viewer.role]) throw new ForbiddenError('Nobody can invite to a role above their own.');
  const { tenantId } = viewer;
  const member = await prisma.membership.findFirst({ where: { user: { email } }, select: { id: true } });
  if (member) throw new ConflictError('This person is a member already.', { path: ['input', 'email'] });
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

export async function revokeInvitation({ prisma }: TenancyServices, viewer: Viewer, id: string): Promise<VisibleInvitation> {
  const where = { tenantId: viewer.tenantId, id };
  const { count } = await prisma.invitation.updateMany({
    where: { ...where, acceptedAt: null, revokedAt: null },
    data: { revokedAt: new Date() },
  });
  const found = prisma.invitation.findFirst({ where: { id } });
  const invitation = await requireFound(found, 'The invitation', ['input', 'id']);
  if (count === 0) throw new InvalidStateError('The invitation is not open any more.', { path: ['input', 'id'] });
  return invitation;
}

export interface AcceptInput {
  token: string;
  /** For a new account its password; for an existing one the proof, unless its person is signed in. */
  password?: string | undefined;
  firstName?: string | undefined;
  lastName?: string | undefined;
}

interface FoundInvitation {
  invitationId: string;
  tenantId: string;
  email: string;
  role: Role;
  tenantStatus: string;
  userId: string | null;
}

/** Makes the person a member and signs them in. Who has no account gets one. */
export async function acceptInvitation(services: TenancyServices, viewer: Viewer | null, input: AcceptInput): Promise<SignedIn> {
  const { database, prisma, auth } = services;
  const invalid = new AuthenticationError('TOKEN_INVALID', 'The invitation is not valid or not open any more.', {
    path: ['input', 'token'],
  });
  const [found] = await queryRows<FoundInvitation>(
    database,
    sql`SELECT invitation_id, tenant_id, email, role, tenant_status, user_id FROM app.find_invitation(${hashSecret(input.token)})`,
  );
  if (found?.tenantStatus !== 'ACTIVE') throw invalid;
  const { tenantId, email, role, invitationId } = found;
  const userId = found.userId ?? newId();
  const passwordHash = found.userId ? undefined : await newPasswordHash(email, input.password);
  if (found.userId) await proveInvited(services, viewer, email, found.userId, input.password);

  await switchActor({ tenantId, userId, apiKeyId: undefined });
  // Closing it first makes the second of two acceptances wait here and find nothing.
  const { count } = await prisma.invitation.updateMany({
    where: { tenantId, id: invitationId, acceptedAt: null, revokedAt: null, expiresAt: { gt: new Date() } },
    data: { acceptedAt: new Date() },
  });
  if (count === 0) throw invalid;
  if (passwordHash) {
    const { firstName, lastName } = input;
    await prisma.user.create({ data: { id: userId, email, passwordHash, firstName, lastName } });
  }
  if (await prisma.membership.findFirst({ where: { tenantId, userId }, select: { id: true } })) {
    throw new ConflictError('You are a member of this tenant already.');
  }
  const { createdAt } = await prisma.membership.create({ data: { tenantId, id: newId(), userId, role } });
  evictAfterCommit(auth, { tenantId, userId });
  return openSessionIn(services, userId, { tenantId, role, name: '', slug: '', joinedAt: createdAt });
}

async function newPasswordHash(email: string, password: string | undefined): Promise<string> {
  if (password === undefined) throw ValidationError.inputPath(['input', 'password'], 'Choose a password for the new account.');
  checkPassword(password, email);
  return hashPassword(password);
}

async function proveInvited(
  services: TenancyServices,
  viewer: Viewer | null,
  email: string,
  userId: string,
  password: string | undefined,
): Promise<void> {
  if (viewer?.userId === userId && viewer.apiKeyId === undefined) return;
  if (password === undefined) {
    throw new AuthenticationError(
      'INVALID_CREDENTIALS',
      'This address has an account: sign in as its person or give its password.',
      {
        path: ['input', 'password'],
      },
    );
  }
  await verifyPasswordOrThrow(services, { email, password });
}

import { evictAfterCommit } from '../../../platform/auth/auth.ts';
import { checkPassword, hashPassword } from '../../../platform/auth/passwords.ts';
import type { Role } from '../../../platform/auth/permissions.ts';
import { hashSecret } from '../../../platform/auth/secrets.ts';
import type { Viewer } from '../../../platform/auth/viewer.ts';
import { AuthenticationError, ConflictError, ValidationError } from '../../../platform/lib/errors.ts';
import { newId } from '../../../platform/lib/ids.ts';
import { switchActor } from '../../../platform/postgres/request-scope.ts';
import { queryRows, sql } from '../../../platform/postgres/sql.ts';
import { type ComparedPassword, comparePassword, requireMatch } from '../accounts/credentials.ts';
import type { TenancyServices } from '../services.ts';
import { openSessionIn, type SignedIn } from '../sessions/sessions.ts';
import { isInvitationValid } from './manage-invitations.ts';

export interface AcceptInput {
  token: string;
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

interface PreparedAcceptance {
  /** The invited user; null for a new account. */
  userId: string | null;
  /** Of a new account. */
  passwordHash: string | undefined;
  /** Undefined if the invited user is signed in or new. */
  compared: ComparedPassword | undefined;
}

/** Throws AuthenticationError unless the invitation is open and its tenant active. */
async function findInvitation({ database }: TenancyServices, token: string): Promise<FoundInvitation> {
  const [found] = await queryRows<FoundInvitation>(
    database,
    sql`SELECT invitation_id, tenant_id, email, role, tenant_status, user_id FROM app.find_invitation(${hashSecret(token)})`,
  );
  if (found?.tenantStatus !== 'ACTIVE') throw invalidInvitation();
  return found;
}

function invalidInvitation(): AuthenticationError {
  return new AuthenticationError('TOKEN_INVALID', 'The invitation is invalid, expired or no longer open.', {
    path: ['input', 'token'],
  });
}

/**
 * Hashes or compares the password before the transaction of `acceptInvitation`.
 * @param password of the new or existing account; not required if the invited user is signed in
 */
export async function prepareAcceptance(
  services: TenancyServices,
  viewer: Viewer | null,
  { token, password }: { token: string; password?: string | undefined },
): Promise<PreparedAcceptance> {
  const { email, userId } = await findInvitation(services, token);
  if (!userId) return { userId, passwordHash: await newPasswordHash(email, password), compared: undefined };
  return { userId, passwordHash: undefined, compared: await authenticateInvited(services, viewer, email, userId, password) };
}

/** Adds the invited user to the tenant and opens a session there. Creates the account if the address has none. */
export async function acceptInvitation(
  services: TenancyServices,
  { token, firstName, lastName }: AcceptInput,
  { userId: preparedFor, passwordHash, compared }: PreparedAcceptance,
): Promise<SignedIn> {
  const { prisma, auth } = services;
  const found = await findInvitation(services, token);
  if (found.userId !== preparedFor) {
    throw new ConflictError('The account of this e-mail address was created or deleted at this moment. Try again.');
  }
  const { tenantId, email, role, invitationId } = found;
  const userId = found.userId ?? newId();
  if (compared) await requireMatch(services, compared);

  await switchActor({ tenantId, userId, apiKeyId: undefined });
  // The update locks the row: a concurrent acceptance waits here and then updates no row.
  const [accepted] = await prisma.invitation.updateManyAndReturn({
    where: { tenantId, id: invitationId, acceptedAt: null, revokedAt: null, expiresAt: { gt: new Date() } },
    data: { acceptedAt: new Date() },
    select: { tenantId: true, role: true, invitedById: true },
  });
  if (!accepted || !(await isInvitationValid(services, accepted))) throw invalidInvitation();
  if (passwordHash) {
    await prisma.user.create({ data: { id: userId, email, passwordHash, firstName, lastName } });
  }
  if (await prisma.membership.findFirst({ where: { tenantId, userId }, select: { id: true } })) {
    throw new ConflictError('You are already a member of this tenant.');
  }
  await prisma.membership.create({ data: { tenantId, id: newId(), userId, role }, select: { id: true } });
  evictAfterCommit(auth, { tenantId, userId });
  return openSessionIn(services, userId, { tenantId, role });
}

async function newPasswordHash(email: string, password: string | undefined): Promise<string> {
  if (password === undefined) {
    throw ValidationError.inputPath(['input', 'password'], 'A new account needs a password. Choose one.');
  }
  checkPassword(password, email);
  return hashPassword(password);
}

/** Requires a session of the invited user or the password of their account, which it compares. */
async function authenticateInvited(
  services: TenancyServices,
  viewer: Viewer | null,
  email: string,
  userId: string,
  password: string | undefined,
): Promise<ComparedPassword | undefined> {
  if (viewer?.userId === userId && viewer.apiKeyId === undefined) return undefined;
  if (password === undefined) {
    throw new AuthenticationError(
      'INVALID_CREDENTIALS',
      'An account with this e-mail address exists. Sign in as its user, or give its password.',
      { path: ['input', 'password'] },
    );
  }
  return comparePassword(services, { email, password });
}

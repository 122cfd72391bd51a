import type { User, UserIdentity } from '../../generated/prisma/client.ts';
import { evictAfterCommit } from '../../platform/auth/auth.ts';
import { checkPassword, hashPassword } from '../../platform/auth/passwords.ts';
import type { Viewer } from '../../platform/auth/viewer.ts';
import {
  AuthenticationError,
  ConflictError,
  DomainError,
  InvalidStateError,
  NotFoundError,
  UnavailableError,
  ValidationError,
} from '../../platform/lib/errors.ts';
import { newId } from '../../platform/lib/ids.ts';
import { isUniqueViolation } from '../../platform/postgres/errors.ts';
import { findAccount, verifyPasswordOrThrow } from './credentials.ts';
import { redactPasswordHash } from './read.ts';
import { requireUser, type TenancyServices } from './services.ts';
import { endSessions } from './sessions.ts';

/** How old an ID token may be that proves an identity, in milliseconds. */
const FRESH_MS = 600_000;

export interface ProfileChanges {
  username?: string | null | undefined;
  firstName?: string | null | undefined;
  lastName?: string | null | undefined;
  avatarUrl?: string | null | undefined;
}

export async function updateProfile({ prisma }: TenancyServices, viewer: Viewer, changes: ProfileChanges): Promise<User> {
  const { userId } = requireUser(viewer);
  return redactPasswordHash(await prisma.user.update({ where: { id: userId }, data: changes }));
}

export interface PasswordChange {
  /** Not needed by people who only signed in elsewhere so far. */
  currentPassword?: string | undefined;
  newPassword: string;
}

/** Sets a new password and ends every other session of the person. Returns how many ended. */
export async function changePassword(services: TenancyServices, viewer: Viewer, input: PasswordChange): Promise<number> {
  const { userId, sessionId, tenantId } = requireUser(viewer);
  const { prisma, database, auth } = services;
  const { email } = await prisma.user.findFirstOrThrow({ where: { id: userId }, select: { email: true } });
  checkPassword(input.newPassword, email, ['input', 'newPassword']);
  const account = await findAccount(database, email);
  if (account?.passwordHash) {
    await verifyPasswordOrThrow(services, { email, password: input.currentPassword ?? '', tenant: tenantId });
    if (input.currentPassword === input.newPassword) {
      throw ValidationError.inputPath(['input', 'newPassword'], 'The new password must differ from the current one.');
    }
  }
  await prisma.user.update({
    where: { id: userId },
    data: { passwordHash: await hashPassword(input.newPassword) },
    select: { id: true },
  });
  evictAfterCommit(auth, { userId });
  return endSessions(services, viewer, sessionId);
}

/** Lets the person sign in with a trusted issuer from now on. A fresh token of that issuer is the proof. */
export async function linkIdentity({ prisma, auth }: TenancyServices, viewer: Viewer, idToken: string): Promise<UserIdentity> {
  const { userId } = requireUser(viewer);
  const invalid = (cause?: unknown) =>
    new AuthenticationError('TOKEN_INVALID', 'The token is not a fresh one of a trusted issuer.', {
      path: ['input', 'idToken'],
      cause,
    });
  const { issuer, subject, issuedAt } = await auth.verifyExternal(idToken).catch((error: unknown) => {
    throw error instanceof DomainError && !(error instanceof UnavailableError) ? invalid(error) : error;
  });
  if (issuedAt.getTime() < Date.now() - FRESH_MS) throw invalid();
  try {
    return await prisma.userIdentity.create({ data: { id: newId(), userId, issuer, subject } });
  } catch (error) {
    if (isUniqueViolation(error)) throw new ConflictError('This identity is linked already.', { path: ['input', 'idToken'] });
    throw error;
  }
}

export async function unlinkIdentity(services: TenancyServices, viewer: Viewer, id: string): Promise<void> {
  const { userId } = requireUser(viewer);
  const { prisma, database, auth } = services;
  const identities = await prisma.userIdentity.findMany({ where: { userId }, select: { id: true } });
  if (!identities.some((identity) => identity.id === id)) throw new NotFoundError('The identity', { path: ['input', 'id'] });
  if (identities.length === 1) {
    const { email } = await prisma.user.findFirstOrThrow({ where: { id: userId }, select: { email: true } });
    const account = await findAccount(database, email);
    if (!account?.passwordHash) throw new InvalidStateError('Set a password first: this is the only way you can sign in.');
  }
  await prisma.userIdentity.deleteMany({ where: { userId, id } });
  evictAfterCommit(auth, { userId });
}

import { evictAfterCommit } from '../../../platform/auth/auth.ts';
import type { ExternalIdentity } from '../../../platform/auth/oidc.ts';
import { checkPassword, hashPassword } from '../../../platform/auth/passwords.ts';
import type { Viewer } from '../../../platform/auth/viewer.ts';
import type { RowOf } from '../../../platform/graphql/kit/entity/model-columns.ts';
import {
  AuthenticationError,
  ConflictError,
  DomainError,
  InvalidStateError,
  NotFoundError,
  UnavailableError,
  ValidationError,
} from '../../../platform/lib/errors.ts';
import { newId } from '../../../platform/lib/ids.ts';
import { isUniqueViolation } from '../../../platform/postgres/errors.ts';
import { requireUser, type TenancyServices } from '../services.ts';
import { endSessions } from '../sessions/sessions.ts';
import { type ComparedPassword, comparePassword, findAccount, requireMatch } from './credentials.ts';

/** Maximum age of an ID token that proves an identity, in milliseconds. */
const MAX_ID_TOKEN_AGE_MS = 600_000;

export interface ProfileChanges {
  username?: string | null | undefined;
  firstName?: string | null | undefined;
  lastName?: string | null | undefined;
  avatarUrl?: string | null | undefined;
}

export function updateProfile({ prisma }: TenancyServices, viewer: Viewer, changes: ProfileChanges): Promise<RowOf<'User'>> {
  const { userId } = requireUser(viewer);
  return prisma.user.update({ where: { id: userId }, data: changes });
}

export interface PasswordChange {
  /** Not required for an account without a password, whose user signs in through an external issuer. */
  currentPassword?: string | undefined;
  newPassword: string;
}

interface PreparedPasswordChange {
  email: string;
  /** Undefined if the account has no password. */
  compared: ComparedPassword | undefined;
  /** Undefined if the current password is wrong. */
  passwordHash: string | undefined;
}

/** Compares the current password and hashes the new one, before the transaction of `changePassword`. */
export async function preparePasswordChange(
  services: TenancyServices,
  viewer: Viewer,
  { currentPassword, newPassword }: PasswordChange,
): Promise<PreparedPasswordChange> {
  const { userId } = requireUser(viewer);
  const { prisma, database } = services;
  const { email } = await prisma.user.findFirstOrThrow({ where: { id: userId }, select: { email: true } });
  checkPassword(newPassword, email, ['input', 'newPassword']);
  const account = await findAccount(database, email);
  const compared = account?.passwordHash
    ? await comparePassword(services, { email, password: currentPassword ?? '' })
    : undefined;
  const passwordHash = compared && !compared.matches ? undefined : await hashPassword(newPassword);
  return { email, compared, passwordHash };
}

/** Sets a new password and ends every other session of the user. Returns the number of sessions that ended. */
export async function changePassword(
  services: TenancyServices,
  viewer: Viewer,
  { currentPassword, newPassword }: PasswordChange,
  { email, compared, passwordHash }: PreparedPasswordChange,
): Promise<number> {
  const { userId, sessionId, tenantId } = requireUser(viewer);
  const { prisma, database, auth } = services;
  if (compared) {
    await requireMatch(services, compared, tenantId);
    if (currentPassword === newPassword) {
      throw ValidationError.inputPath(['input', 'newPassword'], 'The new password must differ from the current one.');
    }
  } else if ((await findAccount(database, email))?.passwordHash) {
    throw new ConflictError('The account received a password at this moment. Give it as the current password.', {
      path: ['input', 'currentPassword'],
    });
  }
  if (!passwordHash) throw new Error('a password that matches is followed by a hash of the new one');
  await prisma.user.update({ where: { id: userId }, data: { passwordHash }, select: { id: true } });
  evictAfterCommit(auth, { userId });
  return endSessions(services, viewer, sessionId);
}

/** The identity that a recent token of a trusted issuer proves. Fetches the keys of the issuer: call it before a transaction. */
export async function verifyIdentity({ auth }: TenancyServices, idToken: string): Promise<ExternalIdentity> {
  const invalid = (cause?: unknown) =>
    new AuthenticationError('TOKEN_INVALID', 'The token is invalid, of an untrusted issuer or older than 10 minutes.', {
      path: ['input', 'idToken'],
      cause,
    });
  const identity = await auth.verifyExternal(idToken).catch((error: unknown) => {
    throw error instanceof DomainError && !(error instanceof UnavailableError) ? invalid(error) : error;
  });
  if (identity.issuedAt.getTime() < Date.now() - MAX_ID_TOKEN_AGE_MS) throw invalid();
  return identity;
}

/** Links an identity that `verifyIdentity` returned. */
export async function linkIdentity(
  { prisma }: TenancyServices,
  viewer: Viewer,
  { issuer, subject }: ExternalIdentity,
): Promise<RowOf<'UserIdentity'>> {
  const { userId } = requireUser(viewer);
  try {
    return await prisma.userIdentity.create({ data: { id: newId(), userId, issuer, subject } });
  } catch (error) {
    if (isUniqueViolation(error)) throw new ConflictError('This identity is already linked.', { path: ['input', 'idToken'] });
    throw error;
  }
}

/** Throws InvalidStateError for the last identity of an account without a password. */
export async function unlinkIdentity(services: TenancyServices, viewer: Viewer, id: string): Promise<void> {
  const { userId } = requireUser(viewer);
  const { prisma, database, auth } = services;
  const identities = await prisma.userIdentity.findMany({ where: { userId }, select: { id: true } });
  if (!identities.some((identity) => identity.id === id)) throw new NotFoundError('The identity', { path: ['input', 'id'] });
  if (identities.length === 1) {
    const { email } = await prisma.user.findFirstOrThrow({ where: { id: userId }, select: { email: true } });
    const account = await findAccount(database, email);
    if (!account?.passwordHash) {
      throw new InvalidStateError('This identity is your only way to sign in. Set a password first.');
    }
  }
  await prisma.userIdentity.deleteMany({ where: { userId, id } });
  evictAfterCommit(auth, { userId });
}

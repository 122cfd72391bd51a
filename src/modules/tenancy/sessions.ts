import type { Tenant, User } from '../../generated/prisma/client.ts';
import { evictAfterCommit, type Session } from '../../platform/auth/auth.ts';
import type { Role } from '../../platform/auth/permissions.ts';
import type { Viewer } from '../../platform/auth/viewer.ts';
import { InvalidStateError, NotFoundError } from '../../platform/lib/errors.ts';
import { switchActor } from '../../platform/postgres/request-scope.ts';
import { chooseTenant, verifyPasswordOrThrow } from './credentials.ts';
import { listOwnTenants, redactPasswordHash, type TenantMembership } from './read.ts';
import { requireUser, type TenancyServices } from './services.ts';

/** Somebody who has just got in: their tokens, where they are and who they are. */
export interface SignedIn extends Session {
  tenant: Tenant;
  user: User;
}

/** Opens a session, or goes on with one, in the transaction that acts as this person in this tenant. */
export async function openSession(
  { auth }: TenancyServices,
  user: User,
  tenant: Tenant,
  role: Role,
  sessionId?: string,
): Promise<SignedIn> {
  const session = await auth.issueSession({ userId: user.id, tenantId: tenant.id, role, ...(sessionId ? { sessionId } : {}) });
  return { ...session, tenant, user };
}

/** Acts in a tenant the acting person belongs to and opens a session there. */
export async function openSessionIn(services: TenancyServices, userId: string, choice: TenantMembership): Promise<SignedIn> {
  const { prisma } = services;
  await switchActor({ tenantId: choice.tenantId, userId, apiKeyId: undefined });
  const tenant = await prisma.tenant.findFirstOrThrow({ where: { id: choice.tenantId } });
  const user = await prisma.user.update({ where: { id: userId }, data: { lastLoginAt: new Date() } });
  return openSession(services, redactPasswordHash(user), tenant, choice.role);
}

export interface SignInInput {
  email: string;
  password: string;
  /** Id or slug of the tenant to enter; the first one joined when not given. */
  tenant?: string | undefined;
}

export async function signIn(services: TenancyServices, input: SignInInput): Promise<SignedIn> {
  const { userId } = await verifyPasswordOrThrow(services, input);
  await switchActor({ userId, tenantId: undefined, apiKeyId: undefined });
  const choices = await listOwnTenants(services.database);
  if (choices.length === 0) throw new InvalidStateError('This account belongs to no tenant that is in use.');
  const choice = chooseTenant(choices, input.tenant);
  if (!choice) throw new NotFoundError('The tenant', { path: ['input', 'tenant'] });
  return openSessionIn(services, userId, choice);
}

/** Opens a session in another tenant of the same person. The session they come from stays open. */
export async function switchTenant(services: TenancyServices, viewer: Viewer, tenant: string): Promise<SignedIn> {
  const { userId } = requireUser(viewer);
  const choice = chooseTenant(await listOwnTenants(services.database), tenant);
  if (!choice) throw new NotFoundError('The tenant', { path: ['input', 'tenant'] });
  return openSessionIn(services, userId, choice);
}

/** Ends the viewer's session, or all their sessions in every tenant. Returns how many ended. */
export async function signOut({ database, prisma, auth }: TenancyServices, viewer: Viewer, everywhere: boolean): Promise<number> {
  const { userId, sessionId, tenantId } = requireUser(viewer);
  evictAfterCommit(auth, { userId });
  if (everywhere) return endSessions({ database, prisma }, viewer);
  if (!sessionId) throw new InvalidStateError('Your token is of another issuer: sign out there.');
  const ended = { userId, tenantId, family: sessionId, revokedAt: null };
  const { count } = await prisma.refreshToken.updateMany({ where: ended, data: { revokedAt: new Date() } });
  return count > 0 ? 1 : 0;
}

/**
 * Ends the sessions of the viewer in all tenants they can go to, and returns how many.
 * @param except the one to keep
 */
export async function endSessions(
  { database, prisma }: Pick<TenancyServices, 'database' | 'prisma'>,
  viewer: Viewer,
  except?: string,
): Promise<number> {
  const { userId, tenantId: home } = requireUser(viewer);
  const families = new Set<string>();
  for (const { tenantId } of await listOwnTenants(database)) {
    // A session is visible in its own tenant alone.
    await switchActor({ tenantId });
    const open = { tenantId, userId, revokedAt: null, ...(except ? { family: { not: except } } : {}) };
    const ended = await prisma.refreshToken.findMany({ where: open, select: { family: true, rotatedAt: true, expiresAt: true } });
    for (const { family, rotatedAt, expiresAt } of ended) if (!rotatedAt && expiresAt > new Date()) families.add(family);
    await prisma.refreshToken.updateMany({ where: open, data: { revokedAt: new Date() } });
  }
  await switchActor({ tenantId: home });
  return families.size;
}

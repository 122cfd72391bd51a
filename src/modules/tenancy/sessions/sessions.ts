import { evictAfterCommit, type Session } from '../../../platform/auth/auth.ts';
import type { Role } from '../../../platform/auth/permissions.ts';
import type { Viewer } from '../../../platform/auth/viewer.ts';
import type { RowOf } from '../../../platform/graphql/kit/entity/model-columns.ts';
import { InvalidStateError, NotFoundError } from '../../../platform/lib/errors.ts';
import { switchActor } from '../../../platform/postgres/request-scope.ts';
import { type ComparedPassword, requireMatch } from '../accounts/credentials.ts';
import { requireUser, type TenancyServices } from '../services.ts';
import { chooseTenant, listOwnTenants, type TenantMembership } from '../tenants/own-tenants.ts';

/** A new session with its tokens, tenant and user. */
export interface SignedIn extends Session {
  tenant: RowOf<'Tenant'>;
  user: RowOf<'User'>;
}

/**
 * Issues tokens in the running transaction, which must act as the user in the tenant.
 * @param sessionId the session to continue; a new one by default
 */
export async function openSession(
  { auth }: TenancyServices,
  user: RowOf<'User'>,
  tenant: RowOf<'Tenant'>,
  role: Role,
  sessionId?: string,
): Promise<SignedIn> {
  const session = await auth.issueSession({ userId: user.id, tenantId: tenant.id, role, ...(sessionId ? { sessionId } : {}) });
  return { ...session, tenant, user };
}

/** Switches to a tenant that the user belongs to and opens a session there. */
export async function openSessionIn(
  services: TenancyServices,
  userId: string,
  { tenantId, role }: Pick<TenantMembership, 'tenantId' | 'role'>,
): Promise<SignedIn> {
  const { prisma } = services;
  await switchActor({ tenantId, userId, apiKeyId: undefined });
  const tenant = await prisma.tenant.findFirstOrThrow({ where: { id: tenantId } });
  const user = await prisma.user.update({ where: { id: userId }, data: { lastLoginAt: new Date() } });
  return openSession(services, user, tenant, role);
}

/**
 * Opens a session of the account whose password matched.
 * @param wanted id or slug of a tenant; by default the tenant that the user joined first
 */
export async function signIn(services: TenancyServices, compared: ComparedPassword, wanted?: string): Promise<SignedIn> {
  const { userId } = await requireMatch(services, compared, wanted);
  await switchActor({ userId, tenantId: undefined, apiKeyId: undefined });
  const tenants = await listOwnTenants(services.database);
  if (tenants.length === 0) throw new InvalidStateError('This account is not a member of an active tenant.');
  const tenant = chooseTenant(tenants, wanted);
  if (!tenant) throw new NotFoundError('The tenant', { path: ['input', 'tenant'] });
  return openSessionIn(services, userId, tenant);
}

/** Opens a session in another tenant of the viewer. The current session stays open. */
export async function switchTenant(services: TenancyServices, viewer: Viewer, idOrSlug: string): Promise<SignedIn> {
  const { userId } = requireUser(viewer);
  const tenant = chooseTenant(await listOwnTenants(services.database), idOrSlug);
  if (!tenant) throw new NotFoundError('The tenant', { path: ['input', 'tenant'] });
  return openSessionIn(services, userId, tenant);
}

/** Ends the viewer's session, or all sessions of the user in every tenant. Returns the number of sessions that ended. */
export async function signOut({ database, prisma, auth }: TenancyServices, viewer: Viewer, everywhere: boolean): Promise<number> {
  const { userId, sessionId, tenantId } = requireUser(viewer);
  evictAfterCommit(auth, { userId });
  if (everywhere) return endSessions({ database, prisma }, viewer);
  if (!sessionId) throw new InvalidStateError('An external issuer issued your token. Sign out there.');
  const open = { userId, tenantId, family: sessionId, revokedAt: null };
  const { count } = await prisma.refreshToken.updateMany({ where: open, data: { revokedAt: new Date() } });
  return count > 0 ? 1 : 0;
}

/**
 * Ends the viewer's sessions in all of their tenants. Returns the number of sessions that ended.
 * @param except a session that stays open
 */
export async function endSessions(
  { database, prisma }: Pick<TenancyServices, 'database' | 'prisma'>,
  viewer: Viewer,
  except?: string,
): Promise<number> {
  const { userId, tenantId: ownTenantId } = requireUser(viewer);
  const families = new Set<string>();
  for (const { tenantId } of await listOwnTenants(database)) {
    // Row-level security shows a session in its own tenant only.
    await switchActor({ tenantId });
    const open = { tenantId, userId, revokedAt: null, ...(except ? { family: { not: except } } : {}) };
    const ended = await prisma.refreshToken.findMany({ where: open, select: { family: true, rotatedAt: true, expiresAt: true } });
    for (const { family, rotatedAt, expiresAt } of ended) if (!rotatedAt && expiresAt > new Date()) families.add(family);
    await prisma.refreshToken.updateMany({ where: open, data: { revokedAt: new Date() } });
  }
  await switchActor({ tenantId: ownTenantId });
  return families.size;
}

import type { User, UserIdentity } from '../../generated/prisma/client.ts';
import type { Role } from '../../platform/auth/permissions.ts';
import type { Database } from '../../platform/postgres/database.ts';
import type { Prisma } from '../../platform/postgres/prisma.ts';
import { queryRows, sql } from '../../platform/postgres/sql.ts';

/** The hash of a password is not readable here and always null. */
export function redactPasswordHash(user: Omit<User, 'passwordHash'>): User {
  return { ...user, passwordHash: null };
}

/** A tenant somebody can go to. */
export interface TenantMembership {
  tenantId: string;
  name: string;
  slug: string;
  role: Role;
  joinedAt: Date;
}

/** The tenants the acting person can go to, the one they joined first in front. */
export function listOwnTenants(database: Database): Promise<TenantMembership[]> {
  return queryRows<TenantMembership>(database, sql`SELECT tenant_id, name, slug, role, joined_at FROM app.my_tenants()`);
}

/** Whether the acting person runs the platform. An API key never does. */
export async function isPlatformAdmin(database: Database): Promise<boolean> {
  const [row] = await queryRows<{ yes: boolean }>(database, sql`SELECT app.is_platform_admin() AS yes`);
  return row?.yes ?? false;
}

/** The names external issuers know the acting person by. */
export function listOwnIdentities(prisma: Prisma): Promise<UserIdentity[]> {
  return prisma.userIdentity.findMany({ orderBy: { createdAt: 'asc' } });
}

import type { Role } from '../../../platform/auth/permissions.ts';
import type { Database } from '../../../platform/postgres/database.ts';
import { queryRows, sql } from '../../../platform/postgres/sql.ts';

/** A tenant that the acting user can switch to. */
export interface TenantMembership {
  tenantId: string;
  name: string;
  slug: string;
  role: Role;
  joinedAt: Date;
}

/** The active tenants of the acting user, ordered by when the user joined them. */
export function listOwnTenants(database: Database): Promise<TenantMembership[]> {
  return queryRows<TenantMembership>(database, sql`SELECT tenant_id, name, slug, role, joined_at FROM app.my_tenants()`);
}

/** The tenant with the given id or slug; the first one if none is given. */
export function chooseTenant(tenants: TenantMembership[], idOrSlug: string | undefined): TenantMembership | undefined {
  return idOrSlug === undefined
    ? tenants[0]
    : tenants.find(({ tenantId, slug }) => idOrSlug === slug || idOrSlug.toLowerCase() === tenantId);
}

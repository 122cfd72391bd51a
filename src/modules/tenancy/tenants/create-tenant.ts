import { randomBytes } from 'node:crypto';
import type { Viewer } from '../../../platform/auth/viewer.ts';
import type { RowOf } from '../../../platform/graphql/kit/entity/model-columns.ts';
import { ConflictError, InvalidStateError } from '../../../platform/lib/errors.ts';
import { newId } from '../../../platform/lib/ids.ts';
import { slugOf } from '../../../platform/lib/slug.ts';
import type { Prisma } from '../../../platform/postgres/prisma.ts';
import { switchActor } from '../../../platform/postgres/request-scope.ts';
import { queryRows, sql } from '../../../platform/postgres/sql.ts';
import { requireUser, type TenancyServices } from '../services.ts';
import { openSession, type SignedIn } from '../sessions/sessions.ts';
import { listOwnTenants } from './own-tenants.ts';

export interface NewTenant {
  name: string;
  /** @default derived from the name */
  slug?: string | undefined;
  /** The path of the slug in the input, for errors. */
  slugPath?: string[];
}

export function slugTaken(slug: string, path = ['input', 'slug']): ConflictError {
  return new ConflictError(`The slug "${slug}" is taken.`, { path });
}

/** Inserts a tenant under a free slug. The transaction must already act in the tenant's id. */
async function insertTenant(prisma: Prisma, id: string, { name, slug, slugPath }: NewTenant): Promise<RowOf<'Tenant'>> {
  const wanted = slug ?? slugOf(name, 'tenant');
  const candidates = slug ? [slug] : [wanted, `${wanted.slice(0, 54).replace(/-+$/, '')}-${randomBytes(4).toString('hex')}`];
  for (const candidate of candidates) {
    // Row-level security hides the slugs of other tenants: only the unique index detects a duplicate.
    const { count } = await prisma.tenant.createMany({ data: { id, name, slug: candidate }, skipDuplicates: true });
    if (count === 1) return prisma.tenant.findFirstOrThrow({ where: { id } });
  }
  throw slugTaken(wanted, slugPath);
}

/**
 * Creates a tenant and the membership of its owner. The transaction acts as the owner in the tenant from then on.
 * @param beforeOwner creates the user, where it does not exist yet
 */
export async function createTenantWithOwner(
  prisma: Prisma,
  userId: string,
  input: NewTenant,
  beforeOwner: () => Promise<void> = async () => {},
): Promise<RowOf<'Tenant'>> {
  const tenantId = newId();
  await switchActor({ tenantId, userId, apiKeyId: undefined });
  // The audit rows of the user and the membership refer to the tenant, so the tenant comes first.
  const tenant = await insertTenant(prisma, tenantId, input);
  await beforeOwner();
  await prisma.membership.create({ data: { tenantId, id: newId(), userId, role: 'OWNER' } });
  return tenant;
}

/** Creates another tenant of a signed-in user and opens a session in it. Throws InvalidStateError for a user who owns too many. */
export async function createTenant(services: TenancyServices, viewer: Viewer, input: NewTenant): Promise<SignedIn> {
  const { userId } = requireUser(viewer);
  await requireRoomForTenant(services, userId);
  const tenant = await createTenantWithOwner(services.prisma, userId, input);
  const user = await services.prisma.user.findFirstOrThrow({ where: { id: userId } });
  return openSession(services, user, tenant, 'OWNER');
}

async function requireRoomForTenant(
  { database, tenancyLimits: { tenantsPerUser } }: TenancyServices,
  userId: string,
): Promise<void> {
  // Concurrent calls of a user wait for each other, so that each counts the tenants of those before it.
  await queryRows(database, sql`SELECT pg_advisory_xact_lock(hashtextextended(${`tenants of ${userId}`}, 0))`);
  const owned = (await listOwnTenants(database)).filter(({ role }) => role === 'OWNER').length;
  if (owned < tenantsPerUser) return;
  throw new InvalidStateError(
    `You own ${owned} tenants, and a user may own at most ${tenantsPerUser}. Hand one over or leave it, or ask the operator to raise MAX_TENANTS_PER_USER.`,
  );
}

import { randomBytes } from 'node:crypto';
import type { Prisma as PrismaTypes, Tenant } from '../../generated/prisma/client.ts';
import { evictAfterCommit } from '../../platform/auth/auth.ts';
import type { Viewer } from '../../platform/auth/viewer.ts';
import { ConflictError } from '../../platform/lib/errors.ts';
import { newId } from '../../platform/lib/ids.ts';
import { slugOf } from '../../platform/lib/slug.ts';
import { isUniqueViolation } from '../../platform/postgres/errors.ts';
import type { Prisma } from '../../platform/postgres/prisma.ts';
import { switchActor } from '../../platform/postgres/request-scope.ts';
import { redactPasswordHash } from './read.ts';
import { requireUser, type TenancyServices } from './services.ts';
import { openSession, type SignedIn } from './sessions.ts';

export interface NewTenant {
  name: string;
  /** Made of the name when not given. */
  slug?: string | undefined;
  /** Where the slug stands in the input. */
  slugPath?: string[];
}

function slugTaken(slug: string, path = ['input', 'slug']): ConflictError {
  return new ConflictError(`The slug "${slug}" is taken.`, { path });
}

/** Inserts a tenant under a free slug. The transaction must act in the tenant's id already. */
async function insertTenant(prisma: Prisma, id: string, { name, slug, slugPath }: NewTenant): Promise<Tenant> {
  const wanted = slug ?? slugOf(name, 'tenant');
  const candidates = slug ? [slug] : [wanted, `${wanted.slice(0, 54).replace(/-+$/, '')}-${randomBytes(4).toString('hex')}`];
  for (const candidate of candidates) {
    // Slugs of other tenants cannot be seen: only the unique index knows.
    const { count } = await prisma.tenant.createMany({ data: { id, name, slug: candidate }, skipDuplicates: true });
    if (count === 1) return prisma.tenant.findFirstOrThrow({ where: { id } });
  }
  throw slugTaken(wanted, slugPath);
}

/**
 * Makes a tenant whose owner is the person `userId`, and acts in it from then on.
 * @param beforeOwner runs between the two, to make the person
 */
export async function createTenantWithOwner(
  prisma: Prisma,
  userId: string,
  tenant: NewTenant,
  beforeOwner: () => Promise<void> = async () => {},
): Promise<Tenant> {
  const tenantId = newId();
  await switchActor({ tenantId, userId, apiKeyId: undefined });
  // The tenant first: the audit rows of everything else refer to it.
  const founded = await insertTenant(prisma, tenantId, tenant);
  await beforeOwner();
  await prisma.membership.create({ data: { tenantId, id: newId(), userId, role: 'OWNER' } });
  return founded;
}

/** Makes another tenant for a person who is signed in, and opens a session in it. */
export async function createTenant(services: TenancyServices, viewer: Viewer, input: NewTenant): Promise<SignedIn> {
  const { userId } = requireUser(viewer);
  const tenant = await createTenantWithOwner(services.prisma, userId, input);
  const user = await services.prisma.user.findFirstOrThrow({ where: { id: userId } });
  return openSession(services, redactPasswordHash(user), tenant, 'OWNER');
}

export interface TenantChanges {
  name?: string | undefined;
  slug?: string | undefined;
  contactEmail?: string | null | undefined;
  contactName?: string | null | undefined;
  settings?: Record<string, unknown> | undefined;
  metadata?: Record<string, unknown> | undefined;
}

/** Changes what is given. */
export async function updateTenant({ prisma, auth }: TenancyServices, viewer: Viewer, changes: TenantChanges): Promise<Tenant> {
  const { settings, metadata, ...columns } = changes;
  const data = {
    ...columns,
    settings: settings as PrismaTypes.InputJsonObject | undefined,
    metadata: metadata as PrismaTypes.InputJsonObject | undefined,
  };
  evictAfterCommit(auth, { tenantId: viewer.tenantId });
  try {
    return await prisma.tenant.update({ where: { id: viewer.tenantId }, data });
  } catch (error) {
    if (changes.slug !== undefined && isUniqueViolation(error)) throw slugTaken(changes.slug);
    throw error;
  }
}

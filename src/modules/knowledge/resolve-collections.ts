import { NotFoundError } from '../../platform/lib/errors.ts';
import { isUuid } from '../../platform/lib/ids.ts';
import type { Prisma } from '../../platform/postgres/prisma.ts';

/** Resolves ids and slugs of collections to ids. Throws NotFoundError for a collection that the tenant does not have. */
export async function collectionIdsOf(prisma: Prisma, names: readonly string[]): Promise<string[]> {
  const ids = names.filter(isUuid);
  const slugs = names.filter((name) => !isUuid(name));
  const found = await prisma.collection.findMany({
    where: { OR: [{ id: { in: ids } }, { slug: { in: slugs } }] },
    select: { id: true, slug: true },
  });
  const byName = new Map(found.flatMap(({ id, slug }) => [[id, id] as const, [slug, id] as const]));
  return [
    ...new Set(
      names.map((name) => {
        const id = byName.get(isUuid(name) ? name.toLowerCase() : name);
        if (id === undefined) throw new NotFoundError(`The collection ${name}`);
        return id;
      }),
    ),
  ];
}

/** Slugs of active collections with a prefix, in alphabetical order. */
export async function collectionSlugs(prisma: Prisma, prefix: string, limit: number): Promise<string[]> {
  const found = await prisma.collection.findMany({
    where: { status: 'ACTIVE', slug: { startsWith: prefix } },
    orderBy: { slug: 'asc' },
    take: limit,
    select: { slug: true },
  });
  return found.map(({ slug }) => slug);
}

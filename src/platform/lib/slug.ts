import { ConflictError } from './errors.ts';
import { newId } from './ids.ts';

/** Derives a slug from a display name: `Support Bot!` becomes `support-bot`. Returns `fallback` if no character remains. */
export function slugOf(name: string, fallback: string): string {
  const slug = name
    .normalize('NFKD')
    .replaceAll(/\p{Mark}/gu, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 63)
    .replace(/-+$/, '');
  return slug || fallback;
}

/** Finds the object that has a slug. */
export type FindSlugHolder = (slug: string) => PromiseLike<{ id: string } | null>;

/** Adds a random suffix if the slug is taken: a derived slug must not cause a conflict. */
async function uniqueSlug(slug: string, findHolder: FindSlugHolder): Promise<string> {
  return (await findHolder(slug)) ? `${slug.slice(0, 54).replace(/-+$/, '')}-${newId().slice(-8)}` : slug;
}

/**
 * Throws ConflictError if another object has the slug.
 * @param kind the kind of the object, as in `Another agent`
 * @param id the object being updated, which may already have the slug
 */
export async function requireFreeSlug(findHolder: FindSlugHolder, slug: string, kind: string, id?: string): Promise<void> {
  const holder = await findHolder(slug);
  if (holder && holder.id !== id) {
    throw new ConflictError(`Another ${kind} already has the slug "${slug}".`, { path: ['input', 'slug'] });
  }
}

/** Returns the slug of a new object: the given one or one derived from its name. Throws ConflictError if the given one is taken. */
export async function slugForNew(
  findHolder: FindSlugHolder,
  { slug, name, kind, fallback }: { slug: string | undefined; name: string; kind: string; fallback: string },
): Promise<string> {
  if (slug === undefined) return uniqueSlug(slugOf(name, fallback), findHolder);
  await requireFreeSlug(findHolder, slug, kind);
  return slug;
}

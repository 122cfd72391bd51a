import { ConflictError } from './errors.ts';
import { newId } from './ids.ts';

/** A name for URLs made of a display name: `Support Bot!` becomes `support-bot`. */
export function slugOf(name: string, otherwise: string): string {
  const slug = name
    .normalize('NFKD')
    .replaceAll(/\p{Mark}/gu, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 63)
    .replace(/-+$/, '');
  return slug || otherwise;
}

/** Finds the object that has a slug. */
export type FindSlugHolder = (slug: string) => PromiseLike<{ id: string } | null>;

/** A slug that was not asked for must not refuse an object: where it is taken, it gets an ending. */
async function uniqueSlug(slug: string, findHolder: FindSlugHolder): Promise<string> {
  return (await findHolder(slug)) ? `${slug.slice(0, 54).replace(/-+$/, '')}-${newId().slice(-8)}` : slug;
}

/**
 * Throws ConflictError if another object has the slug.
 * @param kind the kind of the object, as in `Another agent`
 * @param id the object that may have it already
 */
export async function requireFreeSlug(findHolder: FindSlugHolder, slug: string, kind: string, id?: string): Promise<void> {
  const holder = await findHolder(slug);
  if (holder && holder.id !== id) {
    throw new ConflictError(`Another ${kind} already has the slug "${slug}".`, { path: ['input', 'slug'] });
  }
}

/** The slug of a new object: the given one, which must be free, or one made of its name. Throws ConflictError. */
export async function slugForNew(
  findHolder: FindSlugHolder,
  { slug, name, kind, fallback }: { slug: string | undefined; name: string; kind: string; fallback: string },
): Promise<string> {
  if (slug === undefined) return uniqueSlug(slugOf(name, fallback), findHolder);
  await requireFreeSlug(findHolder, slug, kind);
  return slug;
}

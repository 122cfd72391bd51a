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

/** A slug nobody asked for must not be the reason to refuse an object: where it is taken, it gets an ending. */
export async function freeSlug(slug: string, isTaken: (slug: string) => Promise<boolean>): Promise<string> {
  return (await isTaken(slug)) ? `${slug.slice(0, 54).replace(/-+$/, '')}-${newId().slice(-8)}` : slug;
}

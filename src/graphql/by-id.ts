import type { Prisma } from '../db/prisma.ts';
import type { GraphQLContext } from './context.ts';

/** Loads one object; null for no id, and for what does not exist or is not visible. */
export type LoadById<Row> = (context: GraphQLContext, id: string | null | undefined) => Promise<Row | null> | null;

/**
 * How objects of one type are loaded by id, all of one tick in one statement.
 * @param find gives the rows of the ids that exist and are visible, in any order
 */
export function byId<Row extends { id: string }>(
  name: string,
  find: (prisma: Prisma, ids: string[]) => Promise<Row[]>,
): LoadById<Row> {
  return ({ loaders, prisma }, id) => {
    if (id == null) return null;
    const loader = loaders.get<Row | null>(`byId:${name}`, async (ids) => {
      const rows = new Map((await find(prisma, [...ids])).map((row) => [row.id, row]));
      return ids.map((key) => rows.get(key) ?? null);
    });
    return loader.load(id);
  };
}

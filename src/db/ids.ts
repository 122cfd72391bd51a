import { type Sql, sql } from './sql.ts';

/**
 * How many elements PostgreSQL takes an array to have that it cannot see. With fewer, the plan that it would keep looks dearer than one for
 * just these, and it plans anew each time, for longer than the statement takes.
 */
const TAKEN_FOR = 10;

/** As many ids as let PostgreSQL keep its plan, the missing ones null. */
export function paddedIds(ids: readonly string[]): (string | null)[] {
  const padded: (string | null)[] = [...ids];
  while (padded.length < TAKEN_FOR) padded.push(null);
  return padded;
}

/** That a column of ids is one of these. */
export function isOneOf(column: Sql, ids: readonly string[]): Sql {
  return ids.length === 1 ? sql`${column} = ${ids[0]}::uuid` : sql`${column} = ANY (${paddedIds(ids)}::uuid[])`;
}

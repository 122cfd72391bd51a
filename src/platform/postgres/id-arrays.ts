import { type Sql, sql } from './sql.ts';

/**
 * How many elements PostgreSQL takes an array to have that it cannot see. With fewer, the plan that it would keep looks dearer than one for
 * just these, and it plans anew each time, for longer than the statement takes.
 */
const PLANNER_ARRAY_ESTIMATE = 10;

function padToLength<Filler>(ids: readonly string[], filler: Filler): (string | Filler)[] {
  return [...ids, ...Array<Filler>(Math.max(0, PLANNER_ARRAY_ESTIMATE - ids.length)).fill(filler)];
}

/** As many ids as let PostgreSQL keep its plan, the missing ones null. For `unnest`: to a row that is joined to it, null is nobody. */
export function padIdArray(ids: readonly string[]): (string | null)[] {
  return padToLength(ids, null);
}

/** That a column of ids is one of these. */
export function anyId(column: Sql, ids: readonly string[]): Sql {
  if (ids.length === 1) return sql`${column} = ${ids[0]}::uuid`;
  // The last again, instead of null: of which PostgreSQL knows that nothing equals it, and looks for fewer rows.
  return sql`${column} = ANY (${padToLength(ids, ids.at(-1) ?? null)}::uuid[])`;
}

import { type Sql, sql } from './sql.ts';

/**
 * The number of elements that PostgreSQL assumes for an array parameter. With fewer, the generic plan looks more expensive than a custom
 * plan, so PostgreSQL plans each execution anew, which takes longer than the statement.
 */
const PLANNER_ARRAY_ESTIMATE = 10;

function padToLength<Filler>(ids: readonly string[], filler: Filler): (string | Filler)[] {
  return [...ids, ...Array<Filler>(Math.max(0, PLANNER_ARRAY_ESTIMATE - ids.length)).fill(filler)];
}

/** Pads ids with null so that PostgreSQL uses its generic plan. For `unnest`: null joins with no row. */
export function padIdArray(ids: readonly string[]): (string | null)[] {
  return padToLength(ids, null);
}

/** The condition that a uuid column equals one of the ids. */
export function anyId(column: Sql, ids: readonly string[]): Sql {
  if (ids.length === 1) return sql`${column} = ${ids[0]}::uuid`;
  // Pads with the last id, not with null: PostgreSQL estimates that null matches no row.
  return sql`${column} = ANY (${padToLength(ids, ids.at(-1) ?? null)}::uuid[])`;
}

import { join, type Sql, sql } from './sql.ts';

/** That one of these texts contains what is searched for, without regard to case. */
export function containsText(texts: readonly Sql[], search: string): Sql {
  const conditions = texts.map((text) => sql`strpos(lower(${text}), lower(${search}::text)) > 0`);
  return sql`(${join(conditions, ' OR ')})`;
}

import { ConversationStatus } from '../../generated/prisma/enums.ts';
import { identifier, join, raw, type Sql, sql } from '../../platform/postgres/sql.ts';

/**
 * How many conversations the tenant has in any of these states, null for all, as a statement that gives `count`: the sum of what the database
 * keeps, however many there are.
 */
export function maintainedCountSql(statuses: readonly ConversationStatus[] | null | undefined): Sql {
  const counted = Object.values(ConversationStatus).filter((status) => !statuses || statuses.includes(status));
  const number = join([raw('0'), ...counted.map((status) => identifier(status.toLowerCase()))], ' + ');
  return sql`SELECT coalesce(sum(${number}), 0)::integer AS count FROM conversation_counts`;
}

import type { Database } from '../../db/database.ts';
import { type Page, type PageArgs, type PageOrder, readPage } from '../../db/page.ts';
import { type Sql, sql } from '../../db/sql.ts';
import { containsText } from '../../db/text-search.ts';
import type { Agent, AgentKind, AgentStatus } from '../../generated/prisma/client.ts';

/** The orders of lists of agents; the first is the default of GraphQL. */
export const agentOrders = {
  CREATED_AT_DESC: { column: 'created_at', type: 'timestamptz', direction: 'DESC' },
  CREATED_AT_ASC: { column: 'created_at', type: 'timestamptz', direction: 'ASC' },
  UPDATED_AT_DESC: { column: 'updated_at', type: 'timestamptz', direction: 'DESC' },
  NAME_ASC: { column: 'name', type: 'text', direction: 'ASC' },
  NAME_DESC: { column: 'name', type: 'text', direction: 'DESC' },
} as const satisfies Record<string, PageOrder>;

/** Every condition must hold; those that are absent or null do not count. */
export interface AgentListFilter {
  status?: readonly AgentStatus[] | null | undefined;
  kind?: readonly AgentKind[] | null | undefined;
  tags?: readonly string[] | null | undefined;
  /** Part of a name or slug, in any case. */
  search?: string | null | undefined;
}

export function agentConditions({ status, kind, tags, search }: AgentListFilter): Sql[] {
  return [
    ...(status ? [sql`agents.status = ANY (${status}::agent_status[])`] : []),
    ...(kind ? [sql`agents.kind = ANY (${kind}::agent_kind[])`] : []),
    ...(tags ? [sql`agents.tags @> ${tags}::text[]`] : []),
    ...(search ? [containsText([sql`agents.name`, sql`agents.slug`], search)] : []),
  ];
}

/** The agents of the tenant by name. */
export function listAgents(database: Database, filter: AgentListFilter, page: PageArgs): Promise<Page<Agent>> {
  return readPage(database, { table: 'agents', order: agentOrders.NAME_ASC, where: agentConditions(filter) }, page);
}

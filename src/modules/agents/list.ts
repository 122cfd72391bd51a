import type { Database } from '../../db/database.ts';
import { type Page, type PageArgs, readPage } from '../../db/page.ts';
import { sql } from '../../db/sql.ts';
import type { Agent, AgentStatus } from '../../generated/prisma/client.ts';

export interface AgentListFilter {
  status?: AgentStatus | undefined;
  /** Part of a name or slug, in any case. */
  search?: string | undefined;
}

/** The agents of the tenant by name. */
export function listAgents(database: Database, { status, search }: AgentListFilter, page: PageArgs): Promise<Page<Agent>> {
  const where = [
    ...(status ? [sql`agents.status = ${status}::agent_status`] : []),
    ...(search ? [sql`(strpos(lower(agents.name), lower(${search})) > 0 OR strpos(agents.slug, lower(${search})) > 0)`] : []),
  ];
  return readPage(database, { table: 'agents', order: { column: 'name', type: 'text', direction: 'ASC' }, where }, page);
}

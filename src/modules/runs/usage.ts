import type { Database } from '../../platform/postgres/database.ts';
import { anyId } from '../../platform/postgres/id-arrays.ts';
import { queryRows, raw, sql } from '../../platform/postgres/sql.ts';

/** What the runs of an agent have taken so far. */
export interface AgentUsage {
  runs: number;
  inputTokens: bigint;
  outputTokens: bigint;
  /** US dollars, as a decimal number. */
  costUsd: string;
}

const NOTHING: AgentUsage = { runs: 0, inputTokens: 0n, outputTokens: 0n, costUsd: '0' };

/** In the order of the ids, in one statement. */
export async function usageOf(database: Database, agentIds: readonly string[]): Promise<AgentUsage[]> {
  const found = await queryRows<AgentUsage & { agentId: string }>(
    database,
    sql`SELECT agent_id, count(*)::integer AS runs, sum(input_tokens)::bigint AS input_tokens, sum(output_tokens)::bigint AS output_tokens,
        trim_scale(sum(cost_usd))::text AS cost_usd
      FROM agent_runs WHERE ${anyId(raw('agent_id'), agentIds)} GROUP BY agent_id`,
  );
  const byAgent = new Map(found.map(({ agentId, ...usage }) => [agentId, usage]));
  return agentIds.map((id) => byAgent.get(id) ?? NOTHING);
}

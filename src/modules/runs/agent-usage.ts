import { builder } from '../../platform/graphql/kit/builder.ts';
import type { Database } from '../../platform/postgres/database.ts';
import { anyId } from '../../platform/postgres/id-arrays.ts';
import { queryRows, raw, sql } from '../../platform/postgres/sql.ts';
import { Agent } from '../agents/exports.ts';

interface AgentUsage {
  runs: number;
  inputTokens: bigint;
  outputTokens: bigint;
  /** US dollars, as a decimal number. */
  costUsd: string;
  unpricedCalls: number;
}

const NO_USAGE: AgentUsage = { runs: 0, inputTokens: 0n, outputTokens: 0n, costUsd: '0', unpricedCalls: 0 };

/** The usage of each agent, in the order of the ids, in one statement. */
async function usageOf(database: Database, agentIds: readonly string[]): Promise<AgentUsage[]> {
  const found = await queryRows<AgentUsage & { agentId: string }>(
    database,
    sql`SELECT agent_id, count(*)::integer AS runs, sum(input_tokens)::bigint AS input_tokens, sum(output_tokens)::bigint AS output_tokens,
        trim_scale(sum(cost_usd))::text AS cost_usd, sum(unpriced_calls)::integer AS unpriced_calls
      FROM agent_runs WHERE ${anyId(raw('agent_id'), agentIds)} GROUP BY agent_id`,
  );
  const byAgent = new Map(found.map(({ agentId, ...usage }) => [agentId, usage]));
  return agentIds.map((id) => byAgent.get(id) ?? NO_USAGE);
}

const AgentUsageType = builder.objectRef<AgentUsage>('AgentUsage').implement({
  description: 'Usage of all runs of an agent, including active ones.',
  fields: (t) => ({
    runs: t.exposeInt('runs', { description: 'Number of runs.' }),
    inputTokens: t.expose('inputTokens', { type: 'BigInt', description: 'Input tokens of all model calls.' }),
    outputTokens: t.expose('outputTokens', { type: 'BigInt', description: 'Output tokens of all model calls.' }),
    costUsd: t.exposeString('costUsd', { description: 'Cost of the runs in US dollars, as a decimal number.' }),
    unpricedCalls: t.exposeInt('unpricedCalls', {
      description: 'Number of model calls whose model had no price. The cost does not contain them.',
    }),
  }),
});

builder.objectField(Agent, 'usage', (t) =>
  t.field({
    type: AgentUsageType,
    description: 'Usage of all runs of the agent so far.',
    authScopes: { permission: 'conversation:read' },
    complexity: 10,
    resolve: ({ id }, _args, { loaders, database }) =>
      loaders.get<AgentUsage>('usage:Agent', (ids) => usageOf(database, ids)).load(id),
  }),
);

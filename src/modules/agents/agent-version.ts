import type { Prisma as PrismaTypes } from '../../generated/prisma/client.ts';
import type { ActorContext } from '../../platform/graphql/context.ts';
import { entity } from '../../platform/graphql/kit/entity/entity.ts';
import type { RowOf } from '../../platform/graphql/kit/entity/model-columns.ts';
import { nodeId } from '../../platform/graphql/kit/entity/node-id.ts';
import { payload } from '../../platform/graphql/kit/entity/payload.ts';
import { mutation } from '../../platform/graphql/kit/mutation.ts';
import { textRule } from '../../platform/graphql/kit/rules.ts';
import { newId } from '../../platform/lib/ids.ts';
import { User } from '../tenancy/exports.ts';
import { Agent, requireNotArchived } from './agent.ts';

export type AgentVersion = RowOf<'AgentVersion'>;
export const AgentVersion = entity('AgentVersion', {
  table: 'agent_versions',
  access: 'agent:read',
  columns: ['number', 'snapshot', 'notes'],
  references: {
    agent: { to: Agent, description: 'The agent as it is now.' },
    publishedBy: { to: User, description: 'Who published it. Null once they have left the tenant.' },
  },
  list: { orders: ['-number', 'number'] },
});

AgentVersion.listOn(Agent, 'versions', { column: 'agentId', description: 'Its published versions.' });

/** Stores the definition of an agent as it is now under the next version number. */
export async function publishAgentVersion(
  { prisma, viewer }: ActorContext,
  agentId: string,
  notes: string | undefined,
): Promise<AgentVersion> {
  const agent = await Agent.require(prisma, agentId, ['input', 'agentId']);
  requireNotArchived(agent, ['input', 'agentId']);
  const { tenantId, id, status, version, createdAt, updatedAt, createdById, ...definition } = agent;
  // JSON.stringify throws on a bigint, and a JSON number cannot hold every bigint.
  const maxRunTokens = definition.maxRunTokens === null ? null : String(definition.maxRunTokens);
  return prisma.agentVersion.create({
    data: {
      tenantId,
      id: newId(),
      agentId,
      // A trigger assigns the next number under the agent's row lock.
      number: 0,
      notes: notes ?? null,
      publishedById: viewer.userId,
      snapshot: { ...definition, maxRunTokens } as PrismaTypes.InputJsonObject,
    },
  });
}

mutation('publishAgentVersion', {
  description: "Keeps the agent's definition as it is now, under the next number, for good.",
  access: 'agent:configure',
  input: (t) => ({
    agentId: nodeId(t, 'Agent', { required: true, description: 'The agent.' }),
    notes: t.string({ description: 'What changed.', validate: textRule(10_000) }),
  }),
  payload: payload('publishAgentVersion', 'The published version.', {
    version: { type: AgentVersion, description: 'The version.' },
  }),
  resolve: async ({ agentId, notes }, context) => ({ version: await publishAgentVersion(context, agentId, notes ?? undefined) }),
});

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
  references: { agent: { to: Agent, description: 'The agent in its current state.' }, publishedBy: User },
  list: { orders: ['-number', 'number'] },
});

AgentVersion.listOn(Agent, 'versions', { column: 'agentId' });

/** Stores the current definition of an agent under the next version number. */
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
  description:
    'Publishes the current definition of an agent as an immutable version under the next number. Returns InvalidStateError for an archived agent.',
  access: 'agent:configure',
  input: (t) => ({
    agentId: nodeId(t, 'Agent', { required: true, description: 'The agent.' }),
    notes: t.string({ description: 'Release notes, at most 10,000 characters.', validate: textRule(10_000) }),
  }),
  payload: payload('publishAgentVersion', 'The published version.', {
    version: { type: AgentVersion, description: 'The version.' },
  }),
  resolve: async ({ agentId, notes }, context) => ({ version: await publishAgentVersion(context, agentId, notes ?? undefined) }),
});

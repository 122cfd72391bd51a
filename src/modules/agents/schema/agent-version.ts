import { tenantKey } from '../../../db/tenant-key.ts';
import { builder } from '../../../graphql/builder.ts';
import { byId } from '../../../graphql/by-id.ts';
import { listType } from '../../../graphql/connection.ts';
import { reads } from '../../../graphql/selection.ts';
import { loadUser, User } from '../../tenancy/schema/user.ts';
import { Agent, loadAgent } from './agent.ts';

export const AgentVersion = builder.prismaNode('AgentVersion', {
  nullable: true,
  authScopes: { permission: 'agent:read' },
  id: { resolve: ({ id }) => id },
  findUnique: tenantKey,
  fields: (t) => ({
    uuid: t.expose('id', { type: 'UUID' }),
    number: t.exposeInt('number'),
    snapshot: t.expose('snapshot', { type: 'JSONObject' }),
    notes: t.exposeString('notes', { nullable: true }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    agent: t.field({
      type: Agent,
      nullable: true,
      description: 'The agent as it is now.',
      extensions: reads('agentId'),
      resolve: ({ agentId }, _args, context) => loadAgent(context, agentId),
    }),
    publishedBy: t.field({
      type: User,
      nullable: true,
      description: 'Who published it. Null once they have left the tenant.',
      extensions: reads('publishedById'),
      resolve: ({ publishedById }, _args, context) => loadUser(context, publishedById),
    }),
  }),
});

byId<typeof AgentVersion.$inferType>('AgentVersion', 'agent_versions');

const agentVersionList = listType({
  name: 'AgentVersion',
  table: 'agent_versions',
  node: AgentVersion,
  orders: {
    NUMBER_DESC: { column: 'number', type: 'integer', direction: 'DESC' },
    NUMBER_ASC: { column: 'number', type: 'integer', direction: 'ASC' },
  },
});

agentVersionList.of(Agent, 'versions', {
  description: 'Its published versions.',
  column: 'agent_id',
  access: 'agent:read',
});

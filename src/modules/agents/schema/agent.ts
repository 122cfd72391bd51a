import { tenantKey } from '../../../db/tenant-key.ts';
import { AgentKind, AgentStatus, BusyPolicy } from '../../../generated/prisma/enums.ts';
import { builder } from '../../../graphql/builder.ts';
import { byId } from '../../../graphql/by-id.ts';
import { listType } from '../../../graphql/connection.ts';
import { queryById } from '../../../graphql/query-by-id.ts';
import { reads } from '../../../graphql/selection.ts';
import { loadUser, User } from '../../tenancy/schema/user.ts';
import { agentConditions, agentOrders } from '../list.ts';
import { TOOLS_DESCRIPTION } from '../tool-references.ts';

export const AgentKindEnum = builder.enumType(AgentKind, {
  name: 'AgentKind',
  description: 'What an agent is: ASSISTANT talks, BROWSER drives a browser, BACKGROUND works without a conversation.',
});
export const AgentStatusEnum = builder.enumType(AgentStatus, {
  name: 'AgentStatus',
  description: 'ACTIVE agents take conversations, INACTIVE ones are paused, ARCHIVED ones are put away until restored.',
});

export const BusyPolicyEnum = builder.enumType(BusyPolicy, {
  name: 'BusyPolicy',
  description: 'What a message does to a conversation whose agent is at work: QUEUE waits for it, INTERRUPT stops it.',
});

export const Agent = builder.prismaNode('Agent', {
  nullable: true,
  authScopes: { permission: 'agent:read' },
  id: { resolve: ({ id }) => id },
  findUnique: tenantKey,
  fields: (t) => ({
    uuid: t.expose('id', { type: 'UUID' }),
    name: t.exposeString('name'),
    slug: t.exposeString('slug'),
    description: t.exposeString('description', { nullable: true }),
    kind: t.expose('kind', { type: AgentKindEnum }),
    provider: t.exposeString('provider'),
    model: t.exposeString('model'),
    temperature: t.exposeFloat('temperature'),
    maxTokens: t.exposeInt('maxTokens', { nullable: true }),
    systemPrompt: t.exposeString('systemPrompt', { nullable: true }),
    capabilities: t.stringList({ description: 'What the agent can do.', resolve: (agent) => agent.capabilities as string[] }),
    tools: t.field({
      type: ['JSONObject'],
      description: TOOLS_DESCRIPTION,
      resolve: (agent) => agent.tools as unknown[],
    }),
    timeoutMs: t.exposeInt('timeoutMs'),
    maxIterations: t.exposeInt('maxIterations'),
    maxRunTokens: t.expose('maxRunTokens', { type: 'BigInt', nullable: true }),
    whenBusy: t.expose('whenBusy', { type: BusyPolicyEnum }),
    memoryEnabled: t.exposeBoolean('memoryEnabled'),
    status: t.expose('status', { type: AgentStatusEnum }),
    version: t.exposeInt('version'),
    tags: t.exposeStringList('tags'),
    config: t.expose('config', { type: 'JSONObject' }),
    metadata: t.expose('metadata', { type: 'JSONObject' }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime' }),
    createdBy: t.field({
      type: User,
      nullable: true,
      description: 'Who made the agent. Null once they have left the tenant.',
      extensions: reads('createdById'),
      resolve: ({ createdById }, _args, context) => loadUser(context, createdById),
    }),
  }),
});

export const loadAgent = byId<typeof Agent.$inferType>('Agent', 'agents');

const AgentFilter = builder.inputType('AgentFilter', {
  description: 'Which agents. All conditions must hold.',
  fields: (t) => ({
    status: t.field({ type: [AgentStatusEnum], description: 'In one of these states.' }),
    kind: t.field({ type: [AgentKindEnum], description: 'Of one of these kinds.' }),
    tags: t.stringList({ description: 'With all of these tags.' }),
    search: t.string({ description: 'Whose name or slug contains this, without regard to case.' }),
  }),
});

export const agentList = listType({
  name: 'Agent',
  table: 'agents',
  node: Agent,
  orders: agentOrders,
  filter: {
    type: AgentFilter,
    where: agentConditions,
  },
});

agentList.query('agents', { description: 'The agents of the tenant.', access: 'agent:read' });

queryById('agent', { type: Agent, what: 'An agent', access: 'agent:read', load: loadAgent });

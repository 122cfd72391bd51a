import { tenantKey } from '../../../db/tenant-key.ts';
import { ConversationStatus } from '../../../generated/prisma/enums.ts';
import { builder } from '../../../graphql/builder.ts';
import { byId } from '../../../graphql/by-id.ts';
import { listType } from '../../../graphql/connection.ts';
import { uuidOf } from '../../../graphql/global-id.ts';
import { queryById } from '../../../graphql/query-by-id.ts';
import { reads, rowPropertiesOf } from '../../../graphql/selection.ts';
import { tenantScoped } from '../../../graphql/tenant-scoped.ts';
import { decimalText } from '../../../lib/decimal-text.ts';
import { Agent } from '../../agents/agent.ts';
import { loadUser, User } from '../../tenancy/schema/user.ts';
import { keptCount } from '../count.ts';
import { conversationConditions, conversationOrders } from '../list.ts';

export const ConversationStatusEnum = builder.enumType(ConversationStatus, {
  name: 'ConversationStatus',
  description: 'Where a conversation stands. ACTIVE ones take messages, the others have ended.',
});

export const Conversation = builder.prismaNode('Conversation', {
  nullable: true,
  extensions: tenantScoped('conversations'),
  authScopes: { permission: 'conversation:read' },
  id: { resolve: ({ id }) => id },
  findUnique: tenantKey,
  fields: (t) => ({
    uuid: t.expose('id', { type: 'UUID' }),
    title: t.exposeString('title', { nullable: true }),
    status: t.expose('status', { type: ConversationStatusEnum }),
    context: t.expose('context', { type: 'JSONObject' }),
    lastSequence: t.exposeInt('lastSequence'),
    lastEventSequence: t.exposeInt('lastEventSequence'),
    messageCount: t.exposeInt('messageCount'),
    totalTokens: t.expose('totalTokens', { type: 'BigInt' }),
    inputTokens: t.expose('inputTokens', { type: 'BigInt' }),
    outputTokens: t.expose('outputTokens', { type: 'BigInt' }),
    costUsd: t.string({
      description: 'What it has cost so far, in US dollars, as a decimal number.',
      extensions: reads('costUsd'),
      resolve: ({ costUsd }) => decimalText(costUsd),
    }),
    metadata: t.expose('metadata', { type: 'JSONObject' }),
    startedAt: t.expose('startedAt', { type: 'DateTime' }),
    completedAt: t.expose('completedAt', { type: 'DateTime', nullable: true }),
    lastMessageAt: t.expose('lastMessageAt', { type: 'DateTime', nullable: true }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime' }),
    agent: t.field({
      type: Agent,
      nullable: true,
      description: 'The agent that answers.',
      extensions: reads('agentId'),
      resolve: ({ agentId }, _args, context, info) => Agent.load(context, agentId, rowPropertiesOf(info, 'Agent')),
    }),
    user: t.field({
      type: User,
      nullable: true,
      description: 'Who began it. Null once they have left the tenant.',
      extensions: reads('userId'),
      resolve: ({ userId }, _args, context, info) => loadUser(context, userId, rowPropertiesOf(info, 'User')),
    }),
  }),
});

export const loadConversation = byId<typeof Conversation.$inferType>('Conversation', 'conversations');

const ConversationFilter = builder.inputType('ConversationFilter', {
  description: 'Which conversations. All conditions must hold.',
  fields: (t) => ({
    status: t.field({ type: [ConversationStatusEnum], description: 'In one of these states.' }),
    agentId: t.id({ description: 'With this agent.' }),
    userId: t.id({ description: 'Begun by this person.' }),
    search: t.string({ description: 'Whose title contains this, without regard to case.' }),
    createdAfter: t.field({ type: 'DateTime', description: 'Made at or after this moment.' }),
    createdBefore: t.field({ type: 'DateTime', description: 'Made before this moment.' }),
  }),
});

export const conversationList = listType({
  name: 'Conversation',
  table: 'conversations',
  node: Conversation,
  orders: conversationOrders,
  filter: {
    type: ConversationFilter,
    where: ({ agentId, userId, ...filter }: typeof ConversationFilter.$inferInput) =>
      conversationConditions({
        ...filter,
        agentId: agentId && uuidOf('Agent', agentId, ['filter', 'agentId']),
        userId: userId && uuidOf('User', userId, ['filter', 'userId']),
      }),
    kept: ({ status, ...others }) => (Object.values(others).some((value) => value != null) ? undefined : keptCount(status)),
  },
});

conversationList.query('conversations', { description: 'The conversations of the tenant.', access: 'conversation:read' });
conversationList.of(Agent, 'conversations', {
  description: 'The conversations with this agent.',
  column: 'agent_id',
  access: 'conversation:read',
});

queryById('conversation', { type: Conversation, what: 'A conversation', access: 'conversation:read', load: loadConversation });

import { ConversationStatus } from '../../../generated/prisma/enums.ts';
import { builder } from '../../../platform/graphql/kit/builder.ts';
import { defineConnection } from '../../../platform/graphql/kit/connection.ts';
import { parseId } from '../../../platform/graphql/kit/global-id.ts';
import { nodeLoader } from '../../../platform/graphql/kit/node-loader.ts';
import { nodeQuery } from '../../../platform/graphql/kit/node-query.ts';
import { dependsOn, selectedProperties } from '../../../platform/graphql/kit/selection.ts';
import { tenantScoped } from '../../../platform/graphql/tenant-scoped.ts';
import { formatDecimal } from '../../../platform/lib/format-decimal.ts';
import { tenantKey } from '../../../platform/postgres/tenant-key.ts';
import { Agent } from '../../agents/exports.ts';
import { loadUser, User } from '../../tenancy/exports.ts';
import { conversationConditions, conversationOrders } from '../list.ts';
import { maintainedCountSql } from '../maintained-count.ts';

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
      extensions: dependsOn('costUsd'),
      resolve: ({ costUsd }) => formatDecimal(costUsd),
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
      extensions: dependsOn('agentId'),
      resolve: ({ agentId }, _args, context, info) => Agent.load(context, agentId, selectedProperties(info, 'Agent')),
    }),
    user: t.field({
      type: User,
      nullable: true,
      description: 'Who began it. Null once they have left the tenant.',
      extensions: dependsOn('userId'),
      resolve: ({ userId }, _args, context, info) => loadUser(context, userId, selectedProperties(info, 'User')),
    }),
  }),
});

export const loadConversation = nodeLoader<typeof Conversation.$inferType>('Conversation', 'conversations');

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

export const conversationList = defineConnection({
  name: 'Conversation',
  table: 'conversations',
  node: Conversation,
  orders: conversationOrders,
  filter: {
    type: ConversationFilter,
    where: ({ agentId, userId, ...filter }: typeof ConversationFilter.$inferInput) =>
      conversationConditions({
        ...filter,
        agentId: agentId && parseId('Agent', agentId, ['filter', 'agentId']),
        userId: userId && parseId('User', userId, ['filter', 'userId']),
      }),
    maintainedCount: ({ status, ...others }) =>
      Object.values(others).some((value) => value != null) ? undefined : maintainedCountSql(status),
  },
});

conversationList.onQuery('conversations', { description: 'The conversations of the tenant.', access: 'conversation:read' });
conversationList.onParent(Agent, 'conversations', {
  description: 'The conversations with this agent.',
  column: 'agent_id',
  access: 'conversation:read',
});

nodeQuery('conversation', { type: Conversation, what: 'A conversation', access: 'conversation:read', load: loadConversation });

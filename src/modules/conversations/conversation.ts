import { ConversationStatus } from '../../generated/prisma/enums.ts';
import type { ActorContext } from '../../platform/graphql/context.ts';
import { builder } from '../../platform/graphql/kit/builder.ts';
import { entity } from '../../platform/graphql/kit/entity/entity.ts';
import type { RowOf } from '../../platform/graphql/kit/entity/model-columns.ts';
import { nodeId } from '../../platform/graphql/kit/entity/node-id.ts';
import { mutation } from '../../platform/graphql/kit/mutation.ts';
import { InvalidStateError } from '../../platform/lib/errors.ts';
import { type ChangePublisher, publishChange } from '../../platform/live/change-log.ts';
import type { Prisma } from '../../platform/postgres/prisma.ts';
import { identifier, join, raw, type Sql, sql } from '../../platform/postgres/sql.ts';
import { Agent } from '../agents/exports.ts';
import { User } from '../tenancy/exports.ts';
import { conversationLog } from './events/event-log.ts';

export type Conversation = RowOf<'Conversation'>;
export const Conversation = entity('Conversation', {
  table: 'conversations',
  access: 'conversation:read',
  write: 'conversation:write',
  tenantScoped: true,
  columns: [
    'title',
    'status',
    'context',
    'lastSequence',
    'lastEventSequence',
    'messageCount',
    'totalTokens',
    'inputTokens',
    'outputTokens',
    'costUsd',
    'metadata',
    'startedAt',
    'completedAt',
    'lastMessageAt',
  ],
  descriptions: { costUsd: 'Cost so far, in US dollars, as a decimal string.' },
  references: { agent: Agent, user: User },
  inputs: { agentId: { only: 'create', required: true, node: 'Agent' }, title: {}, context: {}, metadata: {} },
  list: {
    orders: ['-createdAt', 'createdAt', '-updatedAt'],
    filter: (f) => ({
      status: f.anyOf('status'),
      agentId: f.refersTo('agentId', 'Agent'),
      userId: f.refersTo('userId', 'User'),
      search: f.containsText(['title']),
      createdAfter: f.since('createdAt'),
      createdBefore: f.before('createdAt'),
    }),
    maintainedCount: ({ status, ...others }) =>
      Object.values(others).some((value) => value != null) ? undefined : maintainedCountSql(status),
  },
  root: { one: 'conversation', many: 'conversations' },
});

Conversation.listOn(Agent, 'conversations', { column: 'agentId' });

/**
 * The number of the tenant's conversations in any of these states, null for all, as a statement that returns `count`. It adds the few rows
 * of `conversation_counts`, which triggers maintain, so it costs the same however many conversations there are.
 */
function maintainedCountSql(statuses: readonly ConversationStatus[] | null | undefined): Sql {
  const counted = Object.values(ConversationStatus).filter((status) => !statuses || statuses.includes(status));
  const number = join([raw('0'), ...counted.map((status) => identifier(status.toLowerCase()))], ' + ');
  return sql`SELECT coalesce(sum(${number}), 0)::integer AS count FROM conversation_counts`;
}

/** Whether the conversation exists and is ACTIVE. The answer holds as long as the caller's transaction locks the row. */
export async function acceptsMessages(prisma: Prisma, id: string): Promise<boolean> {
  const conversation = await prisma.conversation.findFirst({ where: { id }, select: { status: true } });
  return conversation?.status === 'ACTIVE';
}

/** Publishes the last event of a conversation after the commit of the running transaction. */
export function publishConversation(
  live: ChangePublisher,
  { tenantId, id, lastEventSequence }: Pick<Conversation, 'tenantId' | 'id' | 'lastEventSequence'>,
): void {
  publishChange(live, conversationLog, { tenantId, id, sequence: lastEventSequence });
}

export const createConversation = Conversation.mutations.create('createConversation', {
  description: 'Creates a conversation with an agent. Returns InvalidStateError unless the agent is ACTIVE.',
  values: async ({ agentId }, { prisma, viewer }) => {
    const agent = await Agent.require(prisma, agentId as string, ['input', 'agentId']);
    if (agent.status !== 'ACTIVE') {
      throw new InvalidStateError(`The agent is ${agent.status.toLowerCase()} and accepts no conversations.`, {
        path: ['input', 'agentId'],
      });
    }
    return { userId: viewer.userId };
  },
});

Conversation.mutations.update('updateConversation', {
  description: 'Updates a conversation. Fields that the input omits do not change.',
  after: async (conversation, { live }) => publishConversation(live, conversation),
});

const ConversationOutcome = builder.enumType('ConversationOutcome', {
  description: 'Final state of a conversation.',
  values: {
    COMPLETED: { value: ConversationStatus.COMPLETED, description: 'The conversation ended as intended.' },
    FAILED: { value: ConversationStatus.FAILED, description: 'The conversation ended because of an error.' },
    CANCELLED: { value: ConversationStatus.CANCELLED, description: 'A user stopped the conversation.' },
  } as const,
});

/** Moves an ACTIVE conversation to a final state. Throws InvalidStateError for a conversation that has ended. */
async function completeConversation(
  { prisma, live }: ActorContext,
  id: string,
  status: Exclude<ConversationStatus, 'ACTIVE'>,
): Promise<Conversation> {
  const { count } = await prisma.conversation.updateMany({
    where: { id, status: 'ACTIVE' },
    data: { status, completedAt: new Date() },
  });
  const conversation = await Conversation.require(prisma, id, ['input', 'id']);
  if (count === 0) {
    throw new InvalidStateError(`The conversation has already ended: it is ${conversation.status.toLowerCase()}.`, {
      path: ['input', 'id'],
    });
  }
  publishConversation(live, conversation);
  return conversation;
}

mutation('completeConversation', {
  description: 'Ends a conversation: it accepts no more messages. Returns InvalidStateError if it has already ended.',
  access: 'conversation:write',
  input: (t) => ({
    id: nodeId(t, 'Conversation', { required: true, description: 'The conversation.' }),
    outcome: t.field({ type: ConversationOutcome, description: 'Final state. Default: COMPLETED.' }),
  }),
  payload: Conversation.mutations.payload('completeConversation'),
  resolve: ({ id, outcome }, context) => completeConversation(context, id, outcome ?? 'COMPLETED'),
});

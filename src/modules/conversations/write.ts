import type { Conversation, ConversationStatus, Prisma as PrismaTypes } from '../../generated/prisma/client.ts';
import type { Viewer } from '../../platform/auth/viewer.ts';
import { InvalidStateError } from '../../platform/lib/errors.ts';
import { newId } from '../../platform/lib/ids.ts';
import { publishChange } from '../../platform/live/change-log.ts';
import type { Prisma } from '../../platform/postgres/prisma.ts';
import { tenantKey } from '../../platform/postgres/tenant-key.ts';
import { Agent } from '../agents/exports.ts';
import type { ConversationDeps } from './deps.ts';
import { conversationLog } from './events/event-log.ts';
import { requireConversation } from './read.ts';

export interface ConversationFields {
  title?: string | null | undefined;
  context?: Record<string, unknown> | undefined;
  metadata?: Record<string, unknown> | undefined;
}

function columns({ title, context, metadata }: ConversationFields) {
  return {
    title,
    context: context as PrismaTypes.InputJsonValue | undefined,
    metadata: metadata as PrismaTypes.InputJsonValue | undefined,
  };
}

export async function createConversation(
  prisma: Prisma,
  viewer: Viewer,
  agentId: string,
  fields: ConversationFields,
): Promise<Conversation> {
  const agent = await Agent.require(prisma, agentId, ['input', 'agentId']);
  if (agent.status !== 'ACTIVE') {
    throw new InvalidStateError(`The agent is ${agent.status.toLowerCase()} and takes no conversations.`, {
      path: ['input', 'agentId'],
    });
  }
  return prisma.conversation.create({
    data: { ...columns(fields), tenantId: viewer.tenantId, id: newId(), agentId, userId: viewer.userId },
  });
}

export async function updateConversation(
  { prisma, live }: ConversationDeps,
  id: string,
  fields: ConversationFields,
): Promise<Conversation> {
  await requireConversation(prisma, id, ['input', 'id']);
  const conversation = await prisma.conversation.update({
    where: tenantKey(id),
    data: columns(fields),
  });
  publishChange(live, conversationLog, { tenantId: conversation.tenantId, id, sequence: conversation.lastEventSequence });
  return conversation;
}

/** Ends a conversation: it takes no messages any more. */
export async function completeConversation(
  { prisma, live }: ConversationDeps,
  id: string,
  status: Exclude<ConversationStatus, 'ACTIVE'>,
): Promise<Conversation> {
  const { count } = await prisma.conversation.updateMany({
    where: { id, status: 'ACTIVE' },
    data: { status, completedAt: new Date() },
  });
  const conversation = await requireConversation(prisma, id, ['input', 'id']);
  if (count === 0) {
    throw new InvalidStateError(`The conversation has ended already: it is ${conversation.status.toLowerCase()}.`, {
      path: ['input', 'id'],
    });
  }
  publishChange(live, conversationLog, { tenantId: conversation.tenantId, id, sequence: conversation.lastEventSequence });
  return conversation;
}

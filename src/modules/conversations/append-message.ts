import { isDeepStrictEqual } from 'node:util';
import type { Viewer } from '../../auth/viewer.ts';
import type { Conversation, Message, MessageRole, Prisma as PrismaTypes } from '../../generated/prisma/client.ts';
import { ConflictError, InvalidStateError, NotFoundError } from '../../lib/errors.ts';
import { newId } from '../../lib/ids.ts';
import { announceConversation } from './announce.ts';
import { requireConversation } from './read.ts';
import type { Writer } from './writer.ts';

export interface NewMessage {
  conversationId: string;
  role: MessageRole;
  content: string;
  toolCalls?: Record<string, unknown>[] | undefined;
  toolResults?: Record<string, unknown>[] | undefined;
  /** The passages it rests on, told by whoever looked them up. */
  citations?: object[] | undefined;
  model?: string | undefined;
  tokenCount?: bigint | undefined;
  latencyMs?: number | undefined;
  parentMessageId?: string | undefined;
  idempotencyKey?: string | undefined;
  metadata?: Record<string, unknown> | undefined;
}

export interface AppendedMessage {
  message: Message;
  conversation: Conversation;
  /** The key had been used: this is the message of the first call. */
  repeated: boolean;
}

/**
 * Appends a message under the next number. With an idempotency key that was used before, gives back the message of the first
 * call and writes nothing. Throws ConflictError if that message said something else.
 */
export async function appendMessage(writer: Writer, viewer: Viewer, input: NewMessage): Promise<AppendedMessage> {
  const { prisma, live } = writer;
  const conversation = await requireConversation(prisma, input.conversationId, ['input', 'conversationId']);
  if (input.idempotencyKey !== undefined) {
    // Two retries at once: the second waits here for the first, then finds its message.
    await prisma.$executeRaw`SELECT FROM conversations WHERE tenant_id = ${viewer.tenantId}::uuid AND id = ${conversation.id}::uuid FOR UPDATE`;
    const first = await prisma.message.findFirst({
      where: { conversationId: conversation.id, idempotencyKey: input.idempotencyKey },
    });
    if (first) {
      requireSame(first, input);
      return { message: first, conversation: await requireConversation(prisma, conversation.id, []), repeated: true };
    }
  }
  if (conversation.status !== 'ACTIVE') {
    throw new InvalidStateError(`The conversation is ${conversation.status.toLowerCase()} and takes no messages.`, {
      path: ['input', 'conversationId'],
    });
  }
  if (input.parentMessageId !== undefined) {
    const parent = await prisma.message.findFirst({ where: { id: input.parentMessageId, conversationId: conversation.id } });
    if (!parent) throw new NotFoundError('The parent message', { path: ['input', 'parentMessageId'] });
  }
  const { toolCalls, toolResults, citations, metadata, ...columns } = input;
  const message = await prisma.message.create({
    data: {
      ...columns,
      tenantId: viewer.tenantId,
      id: newId(),
      toolCalls: toolCalls as PrismaTypes.InputJsonValue | undefined,
      toolResults: toolResults as PrismaTypes.InputJsonValue | undefined,
      citations: citations as PrismaTypes.InputJsonValue | undefined,
      metadata: metadata as PrismaTypes.InputJsonValue | undefined,
    },
  });
  const after = await requireConversation(prisma, conversation.id, []);
  announceConversation(live, after);
  return { message, conversation: after, repeated: false };
}

function requireSame(first: Message, input: NewMessage): void {
  const said = [first.role, first.content, first.toolCalls ?? null, first.toolResults ?? null];
  const asked = [input.role, input.content.toWellFormed(), input.toolCalls ?? null, input.toolResults ?? null];
  // As JSON, for what GraphQL hands over differs from what the database gives back in prototypes and signs of zero.
  if (!isDeepStrictEqual(JSON.parse(JSON.stringify(said)), JSON.parse(JSON.stringify(asked)))) {
    throw new ConflictError('This idempotency key was used for another message of the conversation.', {
      path: ['input', 'idempotencyKey'],
    });
  }
}

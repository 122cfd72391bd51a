import { isDeepStrictEqual } from 'node:util';
import type { QueryResult } from 'pg';
import type { Viewer } from '../../auth/viewer.ts';
import { isInTransaction } from '../../db/context.ts';
import { sqlStateOf, toDomainError } from '../../db/errors.ts';
import { columnList } from '../../db/page.ts';
import { configOf, rowsOf, sql } from '../../db/sql.ts';
import type { Conversation, Message, MessageRole, Prisma as PrismaTypes } from '../../generated/prisma/client.ts';
import { ConflictError, InvalidStateError, NotFoundError } from '../../lib/errors.ts';
import { newId } from '../../lib/ids.ts';
import { announceConversation, announceConversationNow } from './announce.ts';
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
  if (isInTransaction()) return appendInSteps(writer, viewer, input);
  if (input.idempotencyKey === undefined && input.parentMessageId === undefined) {
    try {
      return await appendAtOnce(writer, viewer, input);
    } catch (error) {
      // What the database refuses is done again in steps, which find out why. Nothing of it was kept.
      if (!REFUSED.test(sqlStateOf(error) ?? '')) throw toDomainError(error);
    }
  }
  return writer.database.transaction(() => appendInSteps(writer, viewer, input));
}

/** SQLSTATEs of conditions that the steps look at one by one: the project's own, constraints, rights, and transactions that only read. */
const REFUSED = /^(AB...|23...|42501|25006)$/;

/** In one round trip. */
async function appendAtOnce({ database, live }: Writer, viewer: Viewer, input: NewMessage): Promise<AppendedMessage> {
  const json = (value: unknown) => (value === undefined ? null : JSON.stringify(value));
  const insert = sql`INSERT INTO messages (tenant_id, id, conversation_id, role, content, tool_calls, tool_results, citations, model, token_count,
      latency_ms, metadata)
    VALUES (${viewer.tenantId}::uuid, ${newId()}::uuid, ${input.conversationId}::uuid, ${input.role}::message_role, ${input.content},
      ${json(input.toolCalls)}::jsonb, ${json(input.toolResults)}::jsonb, ${json(input.citations)}::jsonb, ${input.model ?? null},
      ${input.tokenCount ?? null}::bigint, ${input.latencyMs ?? null}::integer, coalesce(${json(input.metadata)}::jsonb, '{}'))
    RETURNING ${columnList('messages')}`;
  // A statement of its own: the one above has moved the counters of the conversation where it cannot see them.
  const select = sql`SELECT ${columnList('conversations')} FROM conversations WHERE id = ${input.conversationId}::uuid`;
  const [inserted, selected] = await database.write(configOf(database, insert), configOf(database, select));
  const [message] = rowsOf<Message>(inserted as QueryResult);
  const [conversation] = rowsOf<Conversation>(selected as QueryResult);
  if (!message || !conversation) throw new Error('a message was appended to a conversation that cannot be seen');
  announceConversationNow(live, conversation);
  return { message, conversation, repeated: false };
}

/** In a running transaction. */
async function appendInSteps(writer: Writer, viewer: Viewer, input: NewMessage): Promise<AppendedMessage> {
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

import { isDeepStrictEqual } from 'node:util';
import type { Viewer } from '../../auth/viewer.ts';
import { afterCommit, inTransaction } from '../../db/context.ts';
import { sqlStateOf } from '../../db/errors.ts';
import type { Conversation, Message } from '../../generated/prisma/client.ts';
import { ConflictError, DomainError, InvalidStateError, NotFoundError, UnavailableError } from '../../lib/errors.ts';
import { wakeConversation } from './announce.ts';
import { eventSubjects } from './event-subjects.ts';
import type { NewMessage } from './insert-message.ts';
import { insertMessage } from './insert-message.ts';
import { requireConversation, requireLockedConversation } from './read.ts';
import type { Writer } from './writer.ts';

export interface AppendedMessage {
  message: Message;
  conversation: Conversation;
  /** The key had been used: this is the message of the first call. */
  repeated: boolean;
}

/**
 * Appends a message under the next number, in one transaction: of its own, or the running one. With an idempotency key that was used before,
 * gives back the message of the first call and writes nothing. Throws ConflictError if that message said something else, NotFoundError and
 * InvalidStateError for what a message cannot be appended to.
 */
export async function appendMessage(writer: Writer, viewer: Viewer, input: NewMessage): Promise<AppendedMessage> {
  const { database } = writer;
  const nothingToLookUp = input.idempotencyKey === undefined && input.parentMessageId === undefined;
  if (nothingToLookUp && !inTransaction()) {
    const appended = await insertMessage(database, viewer, input).catch((error: unknown) => {
      if (!isRefusal(error)) throw error;
    });
    if (appended) {
      tell(writer, appended);
      return { ...appended, repeated: false };
    }
    // It was refused and nothing was written. Looking first finds out what to say.
  }
  return database.transaction(() => lookAndAppend(writer, viewer, input));
}

/** Tells of a message that is committed. Those who follow its conversation in this process have nothing to read: this is all of it. */
function tell({ database, live }: Writer, { message, conversation }: Omit<AppendedMessage, 'repeated'>): void {
  const { tenantId, id, sequence, createdAt } = message;
  const subjects = eventSubjects(database);
  if (subjects.wantsMessages(conversation.id)) subjects.keepMessage(message);
  wakeConversation(live, conversation, {
    tenantId,
    conversationId: conversation.id,
    sequence: conversation.lastEventSequence,
    type: 'MESSAGE_APPENDED',
    payload: { messageId: id, messageSequence: sequence },
    createdAt,
  });
}

/** Whether the database has said no to what it was given, which stands however often it is asked. */
function isRefusal(error: unknown): boolean {
  if (error instanceof UnavailableError) return false;
  return error instanceof DomainError || sqlStateOf(error) !== undefined;
}

async function lookAndAppend(writer: Writer, viewer: Viewer, input: NewMessage): Promise<AppendedMessage> {
  const { database, prisma } = writer;
  const path = ['input', 'conversationId'];
  // Two retries at once: the second waits here for the first, then finds its message.
  const conversation = await (input.idempotencyKey === undefined
    ? requireConversation(prisma, input.conversationId, path)
    : requireLockedConversation(database, input.conversationId, path));
  if (input.idempotencyKey !== undefined) {
    const first = await prisma.message.findFirst({
      where: { conversationId: conversation.id, idempotencyKey: input.idempotencyKey },
    });
    if (first) {
      requireSame(first, input);
      return { message: first, conversation, repeated: true };
    }
  }
  if (conversation.status !== 'ACTIVE') {
    throw new InvalidStateError(`The conversation is ${conversation.status.toLowerCase()} and takes no messages.`, { path });
  }
  if (input.parentMessageId !== undefined) {
    const parent = await prisma.message.findFirst({ where: { id: input.parentMessageId, conversationId: conversation.id } });
    if (!parent) throw new NotFoundError('The parent message', { path: ['input', 'parentMessageId'] });
  }
  const appended = await insertMessage(database, viewer, input);
  afterCommit(() => tell(writer, appended));
  return { ...appended, repeated: false };
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

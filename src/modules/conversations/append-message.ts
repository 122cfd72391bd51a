import { isDeepStrictEqual } from 'node:util';
import type { Conversation, Message } from '../../generated/prisma/client.ts';
import type { Viewer } from '../../platform/auth/viewer.ts';
import { ConflictError, DomainError, InvalidStateError, UnavailableError } from '../../platform/lib/errors.ts';
import { requireFound } from '../../platform/lib/require-found.ts';
import { sqlStateOf } from '../../platform/postgres/errors.ts';
import { afterCommit, inTransaction } from '../../platform/postgres/request-scope.ts';
import type { ConversationDeps } from './deps.ts';
import { conversationLog } from './events/event-log.ts';
import { eventPayloadCache } from './events/event-payload-cache.ts';
import type { ConversationEventRow } from './events/event-row.ts';
import { type InsertedMessage, insertMessage, type MessageFields } from './insert-message.ts';
import { requireConversation, requireLockedConversation } from './read.ts';

export type NewMessage = Omit<MessageFields, 'id' | 'runId'>;

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
export async function appendMessage(writer: ConversationDeps, viewer: Viewer, input: NewMessage): Promise<AppendedMessage> {
  const { database } = writer;
  const nothingToLookUp = input.idempotencyKey === undefined && input.parentMessageId == null;
  if (nothingToLookUp && !inTransaction()) {
    const inserted = await insertMessage(database, viewer.tenantId, input).catch((error: unknown) => {
      if (!isRefusal(error)) throw error;
    });
    if (inserted) {
      const { event, ...appended } = inserted;
      publishAppended(writer, appended, event);
      return { ...appended, repeated: false };
    }
    // It was refused and nothing was written. Looking first finds out what to say.
  }
  return database.transaction(() => appendChecked(writer, viewer, input));
}

/** Publishes a message that is committed, with its event: subscribers of this process get both without a read. */
function publishAppended(
  { database, live }: ConversationDeps,
  { message, conversation }: Omit<InsertedMessage, 'event'>,
  event: ConversationEventRow,
): void {
  const subjects = eventPayloadCache(database);
  if (subjects.isWatched(conversation.id)) subjects.primeMessage(message);
  const { tenantId, id, lastEventSequence: sequence } = conversation;
  live.announce({ topic: conversationLog.topic, tenantId, id, sequence }, event);
}

/** Whether the database has said no to what it was given, which stands however often it is asked. */
function isRefusal(error: unknown): boolean {
  if (error instanceof UnavailableError) return false;
  return error instanceof DomainError || sqlStateOf(error) !== undefined;
}

async function appendChecked(writer: ConversationDeps, viewer: Viewer, input: NewMessage): Promise<AppendedMessage> {
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
      requireSameReplay(first, input);
      return { message: first, conversation, repeated: true };
    }
  }
  if (conversation.status !== 'ACTIVE') {
    throw new InvalidStateError(`The conversation is ${conversation.status.toLowerCase()} and takes no messages.`, { path });
  }
  if (input.parentMessageId != null) {
    const parent = prisma.message.findFirst({ where: { id: input.parentMessageId, conversationId: conversation.id } });
    await requireFound(parent, 'The parent message', ['input', 'parentMessageId']);
  }
  const { event, ...appended } = await insertMessage(database, viewer.tenantId, input);
  afterCommit(() => publishAppended(writer, appended, event));
  return { ...appended, repeated: false };
}

function requireSameReplay(first: Message, input: NewMessage): void {
  const said = [first.role, first.content, first.toolCalls ?? null, first.toolResults ?? null];
  const asked = [input.role, input.content.toWellFormed(), input.toolCalls ?? null, input.toolResults ?? null];
  // As JSON, for what GraphQL hands over differs from what the database gives back in prototypes and signs of zero.
  if (!isDeepStrictEqual(JSON.parse(JSON.stringify(said)), JSON.parse(JSON.stringify(asked)))) {
    throw new ConflictError('This idempotency key was used for another message of the conversation.', {
      path: ['input', 'idempotencyKey'],
    });
  }
}

import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { Viewer } from '../../platform/auth/viewer.ts';
import { builder } from '../../platform/graphql/kit/builder.ts';
import { nodeId } from '../../platform/graphql/kit/entity/node-id.ts';
import { prismaEnum } from '../../platform/graphql/kit/enums.ts';
import { mutation } from '../../platform/graphql/kit/mutation.ts';
import { intRule, jsonArrayRule, jsonObjectRule, textRule } from '../../platform/graphql/kit/rules.ts';
import { ConflictError, DomainError, InvalidStateError, NotFoundError, UnavailableError } from '../../platform/lib/errors.ts';
import { requireFound } from '../../platform/lib/require-found.ts';
import type { Live } from '../../platform/live/live.ts';
import type { Database } from '../../platform/postgres/database.ts';
import { sqlStateOf } from '../../platform/postgres/errors.ts';
import { columnList } from '../../platform/postgres/keyset-pagination.ts';
import type { Prisma } from '../../platform/postgres/prisma.ts';
import { afterCommit, inTransaction } from '../../platform/postgres/request-scope.ts';
import { queryRows, sql } from '../../platform/postgres/sql.ts';
import { Conversation } from './conversation.ts';
import { conversationLog } from './events/event-log.ts';
import { eventPayloadCache } from './events/event-payload-cache.ts';
import type { ConversationEventRow } from './events/event-row.ts';
import { CONTENT_TOO_LARGE, fitsContent, type InsertedMessage, insertMessage, type MessageFields } from './insert-message.ts';
import { Message, TOOL_CALLS_DESCRIPTION, TOOL_RESULTS_DESCRIPTION } from './message.ts';

/** The services that writes to a conversation use. */
export interface ConversationServices {
  database: Database;
  prisma: Prisma;
  live: Live;
}

export type NewMessage = Omit<MessageFields, 'id' | 'runId'>;

export interface AppendedMessage {
  message: Message;
  conversation: Conversation;
  /** Whether an earlier call used the idempotency key; the message is then the one of that call. */
  repeated: boolean;
}

/**
 * Appends a message under the next sequence number, in the running transaction or in one of its own. With an idempotency key that an earlier
 * call used, returns the message of that call and writes nothing. Throws ConflictError if that message differs, NotFoundError if the
 * conversation or the parent message does not exist, InvalidStateError if the conversation has ended.
 */
export async function appendMessage(services: ConversationServices, viewer: Viewer, input: NewMessage): Promise<AppendedMessage> {
  const { database } = services;
  const needsNoLookup = input.idempotencyKey === undefined && input.parentMessageId == null;
  if (needsNoLookup && !inTransaction()) {
    const inserted = await insertMessage(database, viewer.tenantId, input).catch((error: unknown) => {
      if (!isRefusal(error)) throw error;
    });
    if (inserted) {
      const { event, ...appended } = inserted;
      publishAppended(services, appended, event);
      return { ...appended, repeated: false };
    }
    // The database refused the message and wrote nothing. The checked path below finds the error to throw.
  }
  return database.transaction(() => appendChecked(services, viewer, input));
}

/** Publishes a committed message with its event, so that subscribers of this process receive both without a read. */
function publishAppended(
  { database, live }: ConversationServices,
  { message, conversation }: Omit<InsertedMessage, 'event'>,
  event: ConversationEventRow,
): void {
  const payloads = eventPayloadCache(database);
  if (payloads.isWatched(conversation.id)) payloads.primeMessage(message);
  const { tenantId, id, lastEventSequence: sequence } = conversation;
  live.announce({ topic: conversationLog.topic, tenantId, id, sequence }, event);
}

/** Whether the database rejected the values themselves, so that a retry fails as well. */
function isRefusal(error: unknown): boolean {
  if (error instanceof UnavailableError) return false;
  return error instanceof DomainError || sqlStateOf(error) !== undefined;
}

/** Reads the conversation and locks it until the transaction ends. Throws NotFoundError. */
async function requireLockedConversation(database: Database, id: string, path: string[]): Promise<Conversation> {
  const [conversation] = await queryRows<Conversation>(
    database,
    sql`SELECT ${columnList('conversations')} FROM conversations WHERE id = ${id}::uuid FOR UPDATE`,
  );
  if (!conversation) throw new NotFoundError('The conversation', { path });
  return conversation;
}

async function appendChecked(services: ConversationServices, viewer: Viewer, input: NewMessage): Promise<AppendedMessage> {
  const { database, prisma } = services;
  const path = ['input', 'conversationId'];
  // Of two concurrent retries, the second waits here for the first and then finds its message.
  const conversation = await (input.idempotencyKey === undefined
    ? Conversation.require(prisma, input.conversationId, path)
    : requireLockedConversation(database, input.conversationId, path));
  if (input.idempotencyKey !== undefined) {
    const first = await prisma.message.findFirst({
      where: { conversationId: conversation.id, idempotencyKey: input.idempotencyKey },
    });
    if (first) {
      requireSameMessage(first, input);
      return { message: first, conversation, repeated: true };
    }
  }
  if (conversation.status !== 'ACTIVE') {
    throw new InvalidStateError(`The conversation is ${conversation.status.toLowerCase()} and accepts no messages.`, { path });
  }
  if (input.parentMessageId != null) {
    const parent = prisma.message.findFirst({ where: { id: input.parentMessageId, conversationId: conversation.id } });
    await requireFound(parent, 'The parent message', ['input', 'parentMessageId']);
  }
  const { event, ...appended } = await insertMessage(database, viewer.tenantId, input);
  afterCommit(() => publishAppended(services, appended, event));
  return { ...appended, repeated: false };
}

/** Throws ConflictError if a retry differs from the message that the first call appended. */
function requireSameMessage(first: Message, input: NewMessage): void {
  const stored = [first.role, first.content, first.toolCalls ?? null, first.toolResults ?? null];
  const given = [input.role, input.content.toWellFormed(), input.toolCalls ?? null, input.toolResults ?? null];
  // Compares JSON: values from GraphQL and from the database differ in prototypes and in the sign of zero.
  if (!isDeepStrictEqual(JSON.parse(JSON.stringify(stored)), JSON.parse(JSON.stringify(given)))) {
    throw new ConflictError('This idempotency key was used for another message of the conversation.', {
      path: ['input', 'idempotencyKey'],
    });
  }
}

mutation('appendMessage', {
  description:
    'Appends a message to a conversation under the next sequence number. Returns InvalidStateError if the conversation has ended, ConflictError for an idempotency key of another message.',
  access: 'conversation:write',
  input: (t) => ({
    conversationId: nodeId(t, 'Conversation', { required: true, description: 'The conversation.' }),
    role: t.field({ type: prismaEnum('MessageRole'), required: true, description: 'Author of the message.' }),
    content: t.string({
      required: true,
      description: 'Text of the message, at most 1 MiB of UTF-8. May be empty only with tool calls or results.',
      validate: z.string().refine(fitsContent, CONTENT_TOO_LARGE),
    }),
    toolCalls: t.field({ type: ['JSONObject'], description: TOOL_CALLS_DESCRIPTION, validate: jsonArrayRule }),
    toolResults: t.field({ type: ['JSONObject'], description: TOOL_RESULTS_DESCRIPTION, validate: jsonArrayRule }),
    model: t.string({
      description: 'Name of the model that generated the message, at most 100 characters.',
      validate: textRule(100),
    }),
    tokenCount: t.field({ type: 'NonNegativeInt', description: 'Number of tokens in the message.' }),
    latencyMs: t.int({ description: 'Duration of the model call, in milliseconds.', validate: intRule(0, 2_147_483_647) }),
    parentMessageId: nodeId(t, 'Message', { description: 'The message that this one replies to, in the same conversation.' }),
    idempotencyKey: t.string({
      description:
        'Idempotency key, 1 to 255 characters, unique in the conversation: a retry with the same key returns the first result.',
      validate: textRule(255).min(1),
    }),
    metadata: t.field({
      type: 'JSONObject',
      description: 'Application data, a JSON object. The server does not interpret it.',
      validate: jsonObjectRule,
    }),
  }),
  validate: z
    .object({ content: z.string(), toolCalls: z.unknown(), toolResults: z.unknown() })
    .loose()
    .refine(({ content, toolCalls, toolResults }) => content !== '' || toolCalls != null || toolResults != null, {
      message: 'Must not be empty unless there are tool calls or results.',
      path: ['content'],
    }),
  payload: builder.objectRef<AppendedMessage>('AppendMessagePayload').implement({
    description: 'The appended message and its conversation.',
    fields: (t) => ({
      appendedMessage: t.field({ type: Message, description: 'The message.', resolve: ({ message }) => message }),
      conversation: t.field({
        type: Conversation,
        description: 'The conversation with its updated counters.',
        resolve: ({ conversation }) => conversation,
      }),
      repeated: t.exposeBoolean('repeated', {
        description: 'Whether an earlier call used the idempotency key. The message is then the one of that call.',
      }),
    }),
  }),
  transaction: 'manual',
  resolve: (input, context) =>
    appendMessage(context, context.viewer, {
      conversationId: input.conversationId,
      role: input.role,
      content: input.content,
      toolCalls: input.toolCalls ?? undefined,
      toolResults: input.toolResults ?? undefined,
      model: input.model ?? undefined,
      tokenCount: input.tokenCount == null ? undefined : BigInt(input.tokenCount),
      latencyMs: input.latencyMs ?? undefined,
      parentMessageId: input.parentMessageId,
      idempotencyKey: input.idempotencyKey ?? undefined,
      metadata: input.metadata ?? undefined,
    }),
});

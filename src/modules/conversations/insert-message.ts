import type { Conversation, Message, MessageRole } from '../../generated/prisma/client.ts';
import { newId } from '../../platform/lib/ids.ts';
import type { Database } from '../../platform/postgres/database.ts';
import { columnList } from '../../platform/postgres/keyset-pagination.ts';
import { batchQueryRows, queryRows, type Sql, sql } from '../../platform/postgres/sql.ts';
import type { ConversationEventRow } from './events/event-row.ts';

/** The largest content of a message, in bytes of UTF-8. A CHECK constraint of the table has the same bound. */
export const MAX_CONTENT_BYTES = 1_048_576;

export const CONTENT_TOO_LARGE = 'Must have at most 1 MiB.';

export function fitsContent(text: string): boolean {
  return Buffer.byteLength(text) <= MAX_CONTENT_BYTES;
}

/** A row of `messages` without the columns that the database sets: `sequence` and `created_at`. */
export interface MessageFields {
  /** @default a new id */
  id?: string | undefined;
  conversationId: string;
  role: MessageRole;
  content: string;
  toolCalls?: object[] | undefined;
  toolResults?: object[] | undefined;
  /** Cited passages. */
  citations?: object[] | undefined;
  model?: string | undefined;
  tokenCount?: bigint | undefined;
  latencyMs?: number | undefined;
  parentMessageId?: string | null | undefined;
  idempotencyKey?: string | undefined;
  metadata?: object | undefined;
  /** The run that appends the message. */
  runId?: string | undefined;
}

const asJson = (value: object | undefined) => (value === undefined ? null : JSON.stringify(value));

/**
 * The only statement that writes `messages`. A trigger assigns the sequence number, updates the counters of the conversation, and
 * writes the event. It raises AB001 unless the conversation exists and is ACTIVE.
 */
function insertion(tenantId: string, message: MessageFields, returning: Sql): Sql {
  const {
    id = newId(),
    conversationId,
    role,
    content,
    model,
    tokenCount,
    latencyMs,
    parentMessageId,
    idempotencyKey,
    runId,
  } = message;
  return sql`INSERT INTO messages (tenant_id, id, conversation_id, role, content, tool_calls, tool_results, citations,
      model, token_count, latency_ms, parent_message_id, idempotency_key, run_id, metadata)
    VALUES (${tenantId}, ${id}, ${conversationId}, ${role}, ${content}, ${asJson(message.toolCalls)}, ${asJson(message.toolResults)},
      ${asJson(message.citations)}, ${model ?? null}, ${tokenCount ?? null}, ${latencyMs ?? null}, ${parentMessageId ?? null},
      ${idempotencyKey ?? null}, ${runId ?? null}, coalesce(${asJson(message.metadata)}::jsonb, '{}'))
    RETURNING ${returning}`;
}

/** A message, its conversation after the insert, and the event that the trigger wrote. */
export interface InsertedMessage {
  message: Message;
  conversation: Conversation;
  event: ConversationEventRow;
}

type ConversationWithEvent = Conversation & {
  eventType: ConversationEventRow['type'];
  eventPayload: ConversationEventRow['payload'];
  eventCreatedAt: Date;
};

/** Inserts a message and reads the rows that the trigger wrote: in one round trip, or in the running transaction. */
export async function insertMessage(database: Database, tenantId: string, fields: MessageFields): Promise<InsertedMessage> {
  // The INSERT locks the conversation, so its last event is the one of this message. The event has the time of the message, so that
  // PostgreSQL reads one partition only.
  const [[message], [row]] = await batchQueryRows<[Message, ConversationWithEvent]>(database, [
    insertion(tenantId, fields, columnList('messages')),
    sql`SELECT ${columnList('conversations')}, e.type AS event_type, e.payload AS event_payload, e.created_at AS event_created_at
      FROM conversations JOIN conversation_events e ON e.tenant_id = conversations.tenant_id AND e.conversation_id = conversations.id
        AND e.sequence = conversations.last_event_sequence AND e.created_at = conversations.last_message_at
      WHERE conversations.id = ${fields.conversationId}::uuid`,
  ]);
  if (!message || !row) throw new Error('the event of an inserted message cannot be read');
  const { eventType: type, eventPayload: payload, eventCreatedAt: createdAt, ...conversation } = row;
  const { id: conversationId, lastEventSequence: sequence } = conversation;
  return { message, conversation, event: { tenantId, conversationId, sequence, type, payload, createdAt } };
}

/**
 * Inserts a message with one statement and publishes nothing. The caller publishes the change of the conversation, once for all writes of its
 * transaction.
 */
export async function insertMessageUnannounced(database: Database, tenantId: string, fields: MessageFields): Promise<void> {
  await queryRows(database, insertion(tenantId, fields, sql`id`));
}

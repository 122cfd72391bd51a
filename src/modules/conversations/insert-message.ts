import type { Viewer } from '../../auth/viewer.ts';
import type { Database } from '../../db/database.ts';
import { columnList } from '../../db/page.ts';
import { batchRows, sql } from '../../db/sql.ts';
import type { Conversation, Message, MessageRole } from '../../generated/prisma/client.ts';
import { newId } from '../../lib/ids.ts';

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

const asJson = (value: object | undefined) => (value === undefined ? null : JSON.stringify(value));

/**
 * Writes a message, which the database numbers, counts and tells of, and reads its conversation as it is thereafter: in one round trip, or
 * in the running transaction. The database refuses it, with AB001, unless there is such a conversation that is ACTIVE.
 */
export async function insertMessage(
  database: Database,
  { tenantId }: Viewer,
  input: NewMessage,
): Promise<{ message: Message; conversation: Conversation }> {
  const { conversationId, role, content, model, tokenCount, latencyMs, parentMessageId, idempotencyKey } = input;
  const [[message], [conversation]] = await batchRows<[Message, Conversation]>(database, [
    sql`INSERT INTO messages (tenant_id, id, conversation_id, role, content, tool_calls, tool_results, citations,
        model, token_count, latency_ms, parent_message_id, idempotency_key, metadata)
      VALUES (${tenantId}, ${newId()}, ${conversationId}, ${role}, ${content}, ${asJson(input.toolCalls)}, ${asJson(input.toolResults)},
        ${asJson(input.citations)}, ${model ?? null}, ${tokenCount ?? null}, ${latencyMs ?? null}, ${parentMessageId ?? null},
        ${idempotencyKey ?? null}, coalesce(${asJson(input.metadata)}::jsonb, '{}'))
      RETURNING ${columnList('messages')}`,
    sql`SELECT ${columnList('conversations')} FROM conversations WHERE id = ${conversationId}::uuid`,
  ]);
  return { message: message as Message, conversation: conversation as Conversation };
}

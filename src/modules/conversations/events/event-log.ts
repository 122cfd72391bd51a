import { defineLog } from '../../../platform/live/change-log.ts';
import type { Database } from '../../../platform/postgres/database.ts';
import { anyId } from '../../../platform/postgres/id-arrays.ts';
import { queryRows, raw, sql } from '../../../platform/postgres/sql.ts';
import { conversationDrafts } from '../drafts/conversation-drafts.ts';
import { type ConversationEventRow, tagBatch } from './event-row.ts';

/** The number of a conversation's last event, as the current viewer sees it. Undefined for a conversation they cannot see. */
async function lastSequence(database: Database, conversationId: string): Promise<number | undefined> {
  const [row] = await queryRows<{ lastEventSequence: number }>(
    database,
    sql`SELECT last_event_sequence FROM conversations WHERE id = ${conversationId}::uuid`,
  );
  return row?.lastEventSequence;
}

/** The numbers of the last events of many conversations of one tenant, by their ids. */
async function lastSequences(database: Database, conversationIds: readonly string[]): Promise<Map<string, number>> {
  const heads = await queryRows<{ id: string; lastEventSequence: number }>(
    database,
    sql`SELECT id, last_event_sequence FROM conversations WHERE ${anyId(raw('id'), conversationIds)}`,
  );
  return new Map(heads.map(({ id, lastEventSequence }) => [id, lastEventSequence]));
}

/**
 * The next events after a number, in order. Numbers are taken under the conversation's row lock, so every statement sees them
 * without a gap: what it does not see yet comes later.
 */
async function readEvents(
  database: Database,
  conversationId: string,
  after: number,
  limit: number,
): Promise<ConversationEventRow[]> {
  const events = await queryRows<ConversationEventRow>(
    database,
    sql`SELECT tenant_id, conversation_id, sequence, type, payload, created_at FROM conversation_events
      WHERE conversation_id = ${conversationId}::uuid AND sequence > ${after}::integer ORDER BY sequence LIMIT ${limit}::integer`,
  );
  return tagBatch(events);
}

/** The log of a conversation. */
export const conversationLog = defineLog<ConversationEventRow>({
  topic: 'conversation',
  subject: 'The conversation',
  resume: (after) => `To go on without loss, subscribe to conversationEvents again with after: ${after}.`,
  lastSequence,
  lastSequences,
  readAfter: readEvents,
  drafts: conversationDrafts,
});

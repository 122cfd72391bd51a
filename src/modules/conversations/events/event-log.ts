import { defineLog } from '../../../platform/live/change-log.ts';
import type { Database } from '../../../platform/postgres/database.ts';
import { anyId } from '../../../platform/postgres/id-arrays.ts';
import { queryRows, raw, sql } from '../../../platform/postgres/sql.ts';
import { conversationDrafts } from '../drafts/conversation-drafts.ts';
import { type ConversationEventRow, tagBatch } from './event-row.ts';

/** The sequence number of a conversation's last event. Undefined for a conversation that is not visible to the viewer. */
async function lastSequence(database: Database, conversationId: string): Promise<number | undefined> {
  const [row] = await queryRows<{ lastEventSequence: number }>(
    database,
    sql`SELECT last_event_sequence FROM conversations WHERE id = ${conversationId}::uuid`,
  );
  return row?.lastEventSequence;
}

/** The sequence numbers of the last events of conversations of one tenant, by conversation id. */
async function lastSequences(database: Database, conversationIds: readonly string[]): Promise<Map<string, number>> {
  const sequences = await queryRows<{ id: string; lastEventSequence: number }>(
    database,
    sql`SELECT id, last_event_sequence FROM conversations WHERE ${anyId(raw('id'), conversationIds)}`,
  );
  return new Map(sequences.map(({ id, lastEventSequence }) => [id, lastEventSequence]));
}

/**
 * The next events after a sequence number, in order. The trigger assigns numbers under the conversation's row lock, so every statement sees
 * them without a gap, and events that it does not see have higher numbers.
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

/** The event log of a conversation. */
export const conversationLog = defineLog<ConversationEventRow>({
  topic: 'conversation',
  subject: 'The conversation',
  resume: (after) => `To resume without loss, subscribe to conversationEvents again with after: ${after}.`,
  lastSequence,
  lastSequences,
  readAfter: readEvents,
  drafts: conversationDrafts,
});

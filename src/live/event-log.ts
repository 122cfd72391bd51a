import type { Database } from '../db/database.ts';
import { isOneOf } from '../db/ids.ts';
import { raw, rows, sql } from '../db/sql.ts';
import type { ConversationEvent, ConversationEventType } from '../generated/prisma/client.ts';
import { conversationDrafts } from './conversation-drafts.ts';
import type { DraftDelta } from './draft-source.ts';
import type { LogSource } from './log-source.ts';

/**
 * A row of `conversation_events` without its id, or text of an answer that is being written, which is in no table under that number. Shared
 * by all who follow the conversation: never change it.
 */
export type ConversationEventRow = Readonly<Omit<ConversationEvent, 'id' | 'type'>> & {
  readonly type: ConversationEventType | 'MESSAGE_DELTA';
  readonly delta?: DraftDelta;
};

const batches = new WeakMap<ConversationEventRow, readonly ConversationEventRow[]>();

/** The rows that were read together with this one, in their order: what they point at is best read together as well. */
export function batchOf(row: ConversationEventRow): readonly ConversationEventRow[] {
  return batches.get(row) ?? [row];
}

/** Says that rows were read together. */
export function readTogether(events: ConversationEventRow[]): ConversationEventRow[] {
  for (const event of events) batches.set(event, events);
  return events;
}

/** The number of a conversation's last event, as whoever acts. Undefined for a conversation they cannot see. */
async function readHead(database: Database, conversationId: string): Promise<number | undefined> {
  const [row] = await rows<{ lastEventSequence: number }>(
    database,
    sql`SELECT last_event_sequence FROM conversations WHERE id = ${conversationId}::uuid`,
  );
  return row?.lastEventSequence;
}

/** The numbers of the last events of many conversations of one tenant, by their ids. */
async function readHeads(database: Database, conversationIds: readonly string[]): Promise<Map<string, number>> {
  const heads = await rows<{ id: string; lastEventSequence: number }>(
    database,
    sql`SELECT id, last_event_sequence FROM conversations WHERE ${isOneOf(raw('id'), conversationIds)}`,
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
  const events = await rows<ConversationEventRow>(
    database,
    sql`SELECT tenant_id, conversation_id, sequence, type, payload, created_at FROM conversation_events
      WHERE conversation_id = ${conversationId}::uuid AND sequence > ${after}::integer ORDER BY sequence LIMIT ${limit}::integer`,
  );
  return readTogether(events);
}

/** The log of a conversation. */
export const conversationLog: LogSource<ConversationEventRow> = {
  topic: 'conversation',
  subject: 'The conversation',
  resume: (after) => `To go on without loss, subscribe to conversationEvents again with after: ${after}.`,
  readHead,
  readHeads,
  readAfter: readEvents,
  drafts: conversationDrafts,
};

import type { Message } from '../../../generated/prisma/client.ts';
import type { ChangeLog } from '../../../platform/live/change-log.ts';
import type { Database } from '../../../platform/postgres/database.ts';
import { camelCase } from '../../../platform/postgres/protocol/row-decoder.ts';
import { columnsOf } from '../../../platform/postgres/readable-columns.ts';
import { identifier, join, queryRows, sql } from '../../../platform/postgres/sql.ts';
import { conversationLog } from './event-log.ts';
import { eventPayloadCache } from './event-payload-cache.ts';
import { type ConversationEventRow, tagBatch } from './event-row.ts';

/** Events whose messages come along. A message has up to a mebibyte, so these are not all of a statement. */
const PREFETCH = 32;

/** How the columns of a message are called beside those of its event, and what they are in a message. */
const messageColumns = columnsOf('messages').map((column) => {
  const alias = `message_${column}`;
  return { column, alias, key: camelCase(alias), property: camelCase(column) };
});

const messageList = join(
  messageColumns.map(({ column, alias }) => sql`messages.${identifier(column)} AS ${identifier(alias)}`),
  ', ',
);

type Joined = ConversationEventRow & Record<string, unknown>;

function messageOf(row: Joined): Message | undefined {
  if (row.messageId === null) return undefined;
  return Object.fromEntries(messageColumns.map(({ key, property }) => [property, row[key]])) as unknown as Message;
}

async function readWithMessages(database: Database, conversationId: string, after: number, limit: number): Promise<Joined[]> {
  return queryRows<Joined>(
    database,
    // The id is a column of what LIMIT keeps apart: row security lets no index of messages be entered by an expression on JSON.
    sql`SELECT events.*, message.* FROM (
        SELECT tenant_id, conversation_id, sequence, type, payload, created_at,
          CASE WHEN type = 'MESSAGE_APPENDED' AND sequence <= ${after + PREFETCH}::integer THEN (payload ->> 'messageId')::uuid END AS subject_id
        FROM conversation_events
        WHERE conversation_id = ${conversationId}::uuid AND sequence > ${after}::integer ORDER BY sequence LIMIT ${limit}::integer) events
      LEFT JOIN LATERAL (
        SELECT ${messageList} FROM messages
        WHERE messages.tenant_id = events.tenant_id AND messages.id = events.subject_id LIMIT 1) message ON true
      ORDER BY events.sequence`,
  );
}

/**
 * The log of a conversation, for those who ask for its messages: where somebody did before, new ones come along with their events
 * instead of by a statement of their own.
 */
export const logWithMessages: ChangeLog<ConversationEventRow> = {
  ...conversationLog,
  async readAfter(database, id, after, limit) {
    const subjects = eventPayloadCache(database);
    if (!subjects.isWatched(id)) return conversationLog.readAfter(database, id, after, limit);
    const found = await readWithMessages(database, id, after, limit);
    for (const row of found) {
      const message = messageOf(row);
      if (message) subjects.primeMessage(message);
    }
    return tagBatch(
      found.map(({ tenantId, conversationId, sequence, type, payload, createdAt }) => ({
        tenantId,
        conversationId,
        sequence,
        type,
        payload,
        createdAt,
      })),
    );
  },
};

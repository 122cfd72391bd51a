import type { Message } from '../../../generated/prisma/client.ts';
import type { ChangeLog } from '../../../platform/live/change-log.ts';
import type { Database } from '../../../platform/postgres/database.ts';
import { camelCase } from '../../../platform/postgres/protocol/row-decoder.ts';
import { columnsOf } from '../../../platform/postgres/readable-columns.ts';
import { identifier, join, queryRows, sql } from '../../../platform/postgres/sql.ts';
import { conversationLog } from './event-log.ts';
import { eventPayloadCache } from './event-payload-cache.ts';
import { type ConversationEventRow, tagBatch } from './event-row.ts';

/** Number of events whose messages the statement reads. A message has up to 1 MiB, so this is less than a batch. */
const PREFETCH = 32;

/** Columns of `messages` with their aliases beside the columns of the event. */
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
    // The id is a column of a subquery with LIMIT: under row security, PostgreSQL uses no index of messages for an expression on JSON.
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
 * The event log of a conversation for subscriptions that may select messages. Once one has, the statement that reads new events also reads
 * their messages.
 */
export const logWithMessages: ChangeLog<ConversationEventRow> = {
  ...conversationLog,
  async readAfter(database, id, after, limit) {
    const payloads = eventPayloadCache(database);
    if (!payloads.isWatched(id)) return conversationLog.readAfter(database, id, after, limit);
    const found = await readWithMessages(database, id, after, limit);
    for (const row of found) {
      const message = messageOf(row);
      if (message) payloads.primeMessage(message);
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

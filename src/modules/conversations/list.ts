import type { Database } from '../../db/database.ts';
import { type Page, type PageArgs, readPage } from '../../db/page.ts';
import { raw, rows, sql } from '../../db/sql.ts';
import type { Conversation, ConversationStatus, MessageRole } from '../../generated/prisma/client.ts';

export interface ConversationListFilter {
  agentId?: string | undefined;
  status?: ConversationStatus | undefined;
}

/** The conversations of the tenant, newest first. */
export function listConversations(
  database: Database,
  { agentId, status }: ConversationListFilter,
  page: PageArgs,
): Promise<Page<Conversation>> {
  const where = [
    ...(agentId ? [sql`conversations.agent_id = ${agentId}::uuid`] : []),
    ...(status ? [sql`conversations.status = ${status}::conversation_status`] : []),
  ];
  return readPage(
    database,
    { table: 'conversations', order: { column: 'created_at', type: 'timestamptz', direction: 'DESC' }, where },
    page,
  );
}

export interface MessageExcerpt {
  id: string;
  sequence: number;
  role: MessageRole;
  content: string;
  /** Whether the content is only the beginning. */
  cut: boolean;
  model: string | null;
  createdAt: Date;
}

export interface MessageRange {
  conversationId: string;
  /** Only messages with a higher number. */
  after: number;
  first: number;
  /** From the newest back. They come in the order of the conversation all the same. */
  newest?: boolean;
}

/** A message has up to a mebibyte: more than this of one is cut, and of all together left for the next call. */
const MOST_OF_ONE = 100_000;
const MOST_OF_ALL = 200_000;

/** Messages of a conversation, as many as are asked for and fit. The first always comes. */
export function listMessages(
  database: Database,
  { conversationId, after, first, newest = false }: MessageRange,
): Promise<MessageExcerpt[]> {
  const direction = raw(newest ? 'DESC' : 'ASC');
  return rows<MessageExcerpt>(
    database,
    sql`SELECT id, sequence, role, left(content, ${MOST_OF_ONE}) AS content, length(content) > ${MOST_OF_ONE} AS cut, model, created_at
      FROM (SELECT asked.*, least(length(content), ${MOST_OF_ONE}) AS own,
            sum(least(length(content), ${MOST_OF_ONE})) OVER (ORDER BY sequence ${direction}) AS total
          FROM (SELECT id, sequence, role, content, model, created_at FROM messages
            WHERE conversation_id = ${conversationId}::uuid AND sequence > ${after}::integer
            ORDER BY sequence ${direction} LIMIT ${first}) asked) counted
      WHERE total <= ${MOST_OF_ALL} OR total = own ORDER BY sequence`,
  );
}

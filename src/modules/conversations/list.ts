import type { Conversation, ConversationStatus, MessageRole } from '../../generated/prisma/client.ts';
import type { Database } from '../../platform/postgres/database.ts';
import { type Page, type PageArgs, type PageOrder, readPage } from '../../platform/postgres/keyset-pagination.ts';
import { queryRows, raw, type Sql, sql } from '../../platform/postgres/sql.ts';
import { containsText } from '../../platform/postgres/text-search.ts';

/** The orders of lists of conversations; the first is the default. */
export const conversationOrders = {
  CREATED_AT_DESC: { column: 'created_at', type: 'timestamptz', direction: 'DESC' },
  CREATED_AT_ASC: { column: 'created_at', type: 'timestamptz', direction: 'ASC' },
  UPDATED_AT_DESC: { column: 'updated_at', type: 'timestamptz', direction: 'DESC' },
} as const satisfies Record<string, PageOrder>;

/** Every condition must hold; those that are absent or null do not count. Ids are UUIDs. */
export interface ConversationListFilter {
  status?: readonly ConversationStatus[] | null | undefined;
  agentId?: string | null | undefined;
  userId?: string | null | undefined;
  /** Part of a title, in any case. */
  search?: string | null | undefined;
  createdAfter?: Date | null | undefined;
  createdBefore?: Date | null | undefined;
}

export function conversationConditions(filter: ConversationListFilter): Sql[] {
  const { status, agentId, userId, search, createdAfter, createdBefore } = filter;
  return [
    ...(status ? [sql`conversations.status = ANY (${status}::conversation_status[])`] : []),
    ...(agentId ? [sql`conversations.agent_id = ${agentId}::uuid`] : []),
    ...(userId ? [sql`conversations.user_id = ${userId}::uuid`] : []),
    ...(search ? [containsText([sql`conversations.title`], search)] : []),
    ...(createdAfter ? [sql`conversations.created_at >= ${createdAfter}::timestamptz`] : []),
    ...(createdBefore ? [sql`conversations.created_at < ${createdBefore}::timestamptz`] : []),
  ];
}

/** The conversations of the tenant, newest first. */
export function listConversations(
  database: Database,
  filter: ConversationListFilter,
  page: PageArgs,
): Promise<Page<Conversation>> {
  const where = conversationConditions(filter);
  return readPage(database, { table: 'conversations', order: conversationOrders.CREATED_AT_DESC, where }, page);
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
const MAX_MESSAGE_CHARACTERS = 100_000;
const MAX_TOTAL_CHARACTERS = 200_000;

/** Messages of a conversation, as many as are asked for and fit. The first always comes. */
export function listMessages(
  database: Database,
  { conversationId, after, first, newest = false }: MessageRange,
): Promise<MessageExcerpt[]> {
  const direction = raw(newest ? 'DESC' : 'ASC');
  return queryRows<MessageExcerpt>(
    database,
    sql`SELECT id, sequence, role, left(content, ${MAX_MESSAGE_CHARACTERS}) AS content, length(content) > ${MAX_MESSAGE_CHARACTERS} AS cut, model, created_at
      FROM (SELECT asked.*, least(length(content), ${MAX_MESSAGE_CHARACTERS}) AS own,
            sum(least(length(content), ${MAX_MESSAGE_CHARACTERS})) OVER (ORDER BY sequence ${direction}) AS total
          FROM (SELECT id, sequence, role, content, model, created_at FROM messages
            WHERE conversation_id = ${conversationId}::uuid AND sequence > ${after}::integer
            ORDER BY sequence ${direction} LIMIT ${first}) asked) counted
      WHERE total <= ${MAX_TOTAL_CHARACTERS} OR total = own ORDER BY sequence`,
  );
}
